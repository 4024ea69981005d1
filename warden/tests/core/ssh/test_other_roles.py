"""Which SSH roles give an actor's principals: what each lets through was measured at OpenBao 2.7.2."""

import pytest

from warden.core.inventory.inventory import Actor, Authorities, DeclaredAuthority, Inventory
from warden.core.openbao.ssh_roles import SshRole, derive
from warden.core.ssh.other_roles import gives, others_that_give

USER = {"key_type": "ca", "allow_user_certificates": True}
NAME = "{{identity.entity.name}}"


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"allowed_users": "*"}, {"deploy", "ops"}),
        ({"allowed_users": " deploy , x"}, {"deploy"}),
        ({"allowed_users": "x,*"}, set()),
        ({"allowed_users": "dep*,Deploy"}, set()),
        ({"allowed_users": ""}, set()),
        ({"allowed_users": "", "default_user": "deploy"}, set()),
        ({"allowed_users": NAME}, set()),
        ({"allowed_users": NAME, "allowed_users_template": True}, {"deploy", "ops"}),
        ({"allowed_users": f"de{NAME}", "allowed_users_template": True}, {"deploy"}),
        ({"allowed_users": f"x-{NAME}", "allowed_users_template": True}, set()),
        (
            {
                "allowed_users": f"x-{NAME}",
                "allowed_users_template": True,
                "allow_commas_in_identity_templates": True,
            },
            {"deploy", "ops"},
        ),
        ({"allowed_users": "*", "allow_user_certificates": False}, set()),
        ({"allowed_users": "*", "key_type": "otp"}, set()),
    ],
)
def test_what_a_role_lets_through(fields, given):
    assert gives(USER | fields, ("deploy", "ops")) == given


def test_what_another_actor_declares_is_not_another_way():
    actor = Actor(principals=("deploy",))
    inventory = Inventory(
        actors={"agt-a": actor, "agt-b": actor},
        authorities=Authorities(users=DeclaredAuthority(openbao="ssh")),
    )
    roles = {SshRole("ssh", name): derive(name, inventory).fields for name in ("agt-a", "agt-b")}
    assert list(others_that_give(inventory.actor("agt-a"), roles, inventory)) == []
    roles[SshRole("ssh", "agt-c")] = roles[SshRole("ssh", "agt-b")]
    (other,) = others_that_give(inventory.actor("agt-a"), roles, inventory)
    assert (other.role.name, other.principals) == ("agt-c", ("deploy",))
