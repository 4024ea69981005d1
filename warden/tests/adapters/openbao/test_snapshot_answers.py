"""What is read of auth methods that OpenBao has as programs of their own, so that tests have no server with one."""

import datetime as dt

from warden.adapters.openbao.snapshot_answers import config_of, directory_of
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.policies import PathRule, Policy
from warden.core.access_index.snapshot import AuthMount, NamespaceSnapshot, SecretMount, Snapshot

LANE = Policy(name="lane-mail", rules=(PathRule(path="platform/data/mail", capabilities=frozenset({"read"})),))


def test_everybody_in_a_directory_gets_what_its_configuration_says_in_each_of_its_fields() -> None:
    given = {"host": "radius.example.org", "unregistered_user_policies": ["base"], "token_policies": ["Lane-Mail", "x"]}
    mount = AuthMount(namespace="", path="radius", type="radius", accessor="a", config=config_of(given))
    everybody = directory_of(mount)
    assert everybody is not None
    here = NamespaceSnapshot(
        path="",
        policies={"lane-mail": LANE},
        secret_mounts=(SecretMount(namespace="", path="platform", type="kv", version=2),),
        auth_mounts=(mount,),
        roles=(everybody,),
    )
    found = AccessIndex(Snapshot(taken_at=dt.datetime.now(dt.UTC), namespaces={"": here})).who_can("platform/mail")
    (way,) = found.ways
    assert (way.effect, way.identity.name) == ("reads", "auth/radius/config")
    assert [step.settings for step in way.remedy] == [(("token_policies", "x"),)]
