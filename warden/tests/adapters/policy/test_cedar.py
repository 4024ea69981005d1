import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warden.adapters.policy.cedar import DEFAULT, CedarPolicy, policy_faults, unread_policies
from warden.core.access.decision import Question
from warden.core.errors import Inconclusive, UsageError
from warden.core.lanes.lane import Custody, Lane, Owner, Owners, PeopleReader, Workload, WorkloadReader
from warden.core.openbao.api import Identity
from warden.present.errors import message

OWNER = Owner(repo="platform-team", doc="d.md")
LANE = Lane(
    id="billing-key",
    title="t",
    status="active",
    reviewed=dt.date(2026, 7, 2),
    owners=Owners(custody=OWNER, consumer=OWNER),
    custody=Custody(path="platform/workloads/billing/api/billing-key", fields=("KEY",)),
    readers=(
        WorkloadReader(workload=Workload("billing", "api")),
        PeopleReader(people="billing-admins", login="netkingdom"),
    ),
    tags=("production",),
)


def who(path="auth/kubernetes/login", role="workload-billing-api", **other) -> Identity:
    given = {"display_name": "d", "path": path, "role": role, "entity": "e1", "policies": ("default",), "ttl": 60}
    return Identity(**(given | other))


def ask(policy: CedarPolicy, identity: Identity, **context):
    context = {"reason": "", "via": "env"} | context
    return policy.decide(Question(identity=identity, action="access", resource=LANE.id, context=context, declared=LANE))


@pytest.fixture
def default(tmp_path: Path) -> CedarPolicy:
    return CedarPolicy(str(tmp_path / "none"))


def custom(tmp_path: Path, **files: str) -> CedarPolicy:
    for name, text in files.items():
        (tmp_path / f"{name}.cedar").write_text(text)
    return CedarPolicy(str(tmp_path))


@pytest.mark.parametrize(
    "identity",
    [
        who(),
        who(path="auth/netkingdom/login", role="api-workload-kv-read"),
        who(path="auth/netkingdom/oidc/callback", role="api-workload-kv-read"),
        who(entity="", display_name='odd "name"\n'),
    ],
)
def test_the_default_permits_a_declared_reader(default, identity):
    decision = ask(default, identity)
    assert decision.effect == "allow"
    assert decision.policies == ("declared-readers",)


@pytest.mark.parametrize(
    "identity",
    [
        who(role="workload-billing-other"),
        who(role=""),
        who(path="auth/kubernetes2/login"),
        who(path="auth/netkingdom/login"),
        who(path="auth/token/create"),
        who(path="auth/token/root", role="", display_name="root", policies=("root",)),
        who(role="", display_name="workload-billing-api"),
    ],
)
def test_the_default_denies_everyone_else(default, identity):
    decision = ask(default, identity, reason="please")
    assert (decision.effect, decision.policies, decision.wants_reason) == ("deny", (), False)


def test_decisions_have_ids_that_differ_and_sort_by_time(default):
    first, second = ask(default, who()).id, ask(default, who()).id
    assert first != second
    assert first[:13] <= second[:13]
    assert first[14] == "7"


def test_an_action_that_no_policy_speaks_of_is_denied(default):
    question = Question(identity=who(), action="rotate", resource=LANE.id, context={}, declared=LANE)
    assert default.decide(question).effect == "deny"


@pytest.mark.parametrize("action", ["access", "sign"])
def test_without_a_declaration_there_are_no_readers_and_no_identities(default, action):
    assert default.decide(Question(identity=who(), action=action, resource=LANE.id, context={})).effect == "deny"


def example() -> str:
    """The commented example that ships with the default, switched on."""
    text = Path(DEFAULT, "declared-readers.cedar").read_text()
    lines = text.partition("// @id(")[2].splitlines()
    return "@id(" + "\n".join(line.removeprefix("//") for line in lines)


def test_the_shipped_example_asks_for_a_reason_where_the_tag_is(tmp_path, default):
    policy = custom(tmp_path, a=Path(DEFAULT, "declared-readers.cedar").read_text(), b=example())
    refused = ask(policy, who())
    assert (refused.effect, refused.policies) == ("deny", ("production-wants-a-reason",))
    assert refused.wants_reason
    assert ask(policy, who(), reason="  ").wants_reason
    allowed = ask(policy, who(), reason="ticket 4711")
    assert (allowed.effect, allowed.wants_reason) == ("allow", False)
    stranger = ask(policy, who(role="x"))
    assert (stranger.effect, stranger.wants_reason) == ("deny", False)
    assert not policy_faults(str(tmp_path))


def test_the_folders_policies_replace_the_default(tmp_path):
    policy = custom(tmp_path, ops='@id("ops") permit (principal, action, resource) when { principal.mount == "ops" };')
    assert ask(policy, who()).effect == "deny"
    assert ask(policy, who(path="auth/ops/login", role="")).policies == ("ops",)


def test_a_policy_without_an_id_is_named_by_its_place(tmp_path):
    assert ask(custom(tmp_path, p="permit (principal, action, resource);"), who()).policies == ("policy0",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("permit (", "do not parse"),
        ("this is not Cedar", "do not parse"),
        ("permit (principal, action, resource); forbid (principal, action, resource) when { context.nope };", "nope"),
        ("permit (principal, action, resource) when { principal.nope == 1 };", "nope"),
    ],
)
def test_what_cannot_be_decided_is_not_allowed(tmp_path, text, words):
    policy = custom(tmp_path, p=text)
    with pytest.raises(Inconclusive, match=words) as caught:
        ask(policy, who())
    assert str(tmp_path) in message(caught.value)
    assert policy_faults(str(tmp_path))


def test_bytes_and_folders_are_no_policies(tmp_path):
    (tmp_path / "p.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(Inconclusive, match="are not UTF-8 text"):
        ask(CedarPolicy(str(tmp_path)), who())
    (tmp_path / "p.cedar").unlink()
    (tmp_path / "p.cedar").mkdir()
    with pytest.raises(Inconclusive, match=r"cannot be read \(is a directory\)"):
        ask(CedarPolicy(str(tmp_path)), who())
    with pytest.raises(Inconclusive, match="not a directory"):
        ask(CedarPolicy(__file__), who())


def test_an_unreadable_folder_is_not_the_default():
    script = (
        "import os, sys; from warden.adapters.policy.cedar import policy_files\n"
        "from warden.core.errors import Inconclusive\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: policy_files(sys.argv[1])\n"
        "except Inconclusive as error: print(error.problem)"
    )
    folder = Path(f"/tmp/warden-policies-{os.getpid()}")
    folder.mkdir(mode=0o700)
    try:
        if os.getuid() != 0:
            folder.chmod(0)
        said = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    finally:
        folder.rmdir()
    assert "cannot be read (permission denied)" in said.stdout, said.stderr


def test_the_package_that_loads_later_shares_the_extension():
    script = (
        "from warden.adapters.policy import cedar as policy; import sys\n"
        "engine = policy._engine(); assert 'cedarpy' not in sys.modules\n"
        "import cedarpy; assert cedarpy._internal is engine\n"
        "del sys.modules['cedarpy._internal']; assert policy._package().is_authorized_batch"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_platforms_policies_start_as_the_default():
    platform = Path(__file__).parents[4] / "platform" / "policies" / "access"
    for file in Path(DEFAULT).iterdir():
        assert (platform / file.name).read_text() == file.read_text()
    assert not policy_faults(str(platform))


@pytest.mark.parametrize("part", ["policies", "policies/access", "policies/access/deny.cedar"])
def test_a_link_to_nothing_is_not_the_default(tmp_path, part):
    link = tmp_path / part
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "gone")
    folder = str(tmp_path / "policies" / "access")
    with pytest.raises(Inconclusive, match="cannot be read"):
        ask(CedarPolicy(folder), who())
    assert any("cannot be read" in fault.message and not fault.warning for fault in policy_faults(folder))


def test_a_pipe_and_a_flood_are_not_policies(tmp_path):
    os.mkfifo(tmp_path / "p.cedar")
    with pytest.raises(Inconclusive, match=r"cannot be read \(not a regular file\)"):
        ask(CedarPolicy(str(tmp_path)), who())
    (tmp_path / "p.cedar").unlink()
    with (tmp_path / "p.cedar").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(Inconclusive, match="larger than"):
        ask(CedarPolicy(str(tmp_path)), who())


def test_a_policy_that_others_can_change_is_not_asked(tmp_path):
    policy = custom(tmp_path, p="permit (principal, action, resource);")
    (tmp_path / "p.cedar").chmod(0o666)
    with pytest.raises(UsageError, match="NotTrusted"):
        ask(policy, who())


def test_what_looks_like_a_policy_and_is_not_read_is_named(tmp_path):
    access = tmp_path / "policies" / "access"
    (access / "sub").mkdir(parents=True)
    unread = ["deny.cedar", "access/DENY.CEDAR", "access/deny.cedar.txt", "access/sub/a.cedar", "access/deny.json"]
    for name in [*unread, "access/README.md", "README.md", "access/schema.cedarschema", "access/.gitkeep", "notes.txt"]:
        (tmp_path / "policies" / name).write_text("")
    (access / "read.cedar").write_text("permit (principal, action, resource);")
    found = unread_policies(str(access))
    assert {each.file for each in found} == {str(tmp_path / "policies" / name) for name in unread}
    assert all(each.warning and "is not read" in each.message for each in found)
