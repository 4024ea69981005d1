"""inventory.yaml: every rule, all faults at once, and an actor that is added without touching another byte."""

from pathlib import Path

import pytest
import yaml
from ssh_keys import hardware_key

from warden.adapters.catalog.files import load_to_check
from warden.adapters.catalog.inventory import inventory_faults, load_inventory
from warden.adapters.catalog.inventory_edit import add, as_entry
from warden.core.errors import Invalid, UsageError
from warden.core.inventory.inventory import Actor, Host, Inventory, PersonIdentity
from warden.core.lanes.lane import PeopleReader, Workload, WorkloadReader
from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    GithubReader,
    GitlabReader,
    Seconds,
)
from warden.core.ssh.errors import AlreadyDeclared

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z"
GOOD = {
    "actors": {
        "adm-ada": {"identities": [{"person": "ada", "login": "company"}], "hosts": ["all"], "ttl": "8h"},
        "agt-ci": {
            "identities": [{"workload": "ci/runner"}],
            "principals": ["deploy"],
            "source_addresses": ["10.0.0.0/8", "fd00::/8"],
            "public_keys": [KEY, hardware_key("sk-ssh-ed25519@openssh.com")],
            "hosts": ["web"],
        },
    },
    "hosts": {"web": {"names": ["web.example.com", "10.0.0.7"]}, "db": {}},
    "host_groups": {"all": ["web", "db"]},
}


@pytest.fixture
def platform(tmp_path) -> Path:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "platform.yaml").write_text("logins: {company: {}}\n")
    return tmp_path


def changed(path: str, value: object) -> dict:
    """The good inventory with another value at a dotted path; ``None`` takes it away."""
    import copy

    found = copy.deepcopy(GOOD)
    *above, last = path.split("/")
    into = found
    for each in above:
        into = into.setdefault(each, {})
    into[last] = value
    if value is None:
        del into[last]
    return found


def faults(platform: Path, declared: object) -> list[str]:
    (platform / "inventory.yaml").write_text(
        declared if isinstance(declared, str) else yaml.safe_dump(declared, sort_keys=False)
    )
    found = inventory_faults(str(platform), load_to_check(str(platform)))
    return [f"{'warning: ' if each.warning else ''}{each.field}: {each.message}" for each in found]


def test_a_good_one_has_no_faults_and_derives_what_it_leaves_out(platform):
    assert faults(platform, GOOD) == []
    inventory = load_inventory(str(platform))
    ada, ci = inventory.actor("adm-ada"), inventory.actor("agt-ci")
    assert (ada.principals, ada.ttl, ada.extensions, ada.critical_options) == (("adm-ada",), 28800, ("permit-pty",), {})
    assert (ci.ttl, ci.extensions) == (900, ())
    assert ci.critical_options == {"source-address": "10.0.0.0/8,fd00::/8"}
    assert inventory.hosts_of(ada) == ("web", "db")
    assert inventory.names_of("web") == ("web.example.com", "10.0.0.7")
    assert inventory.names_of("db") == ("db",)


def test_none_is_an_empty_one(platform):
    assert load_inventory(str(platform)) == Inventory()


ADA, CI = "actors/adm-ada", "actors/agt-ci"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("actors/ops-x", {}, "actors.ops-x: is not the name of an actor"),
        ("actors/adm-Ada", {}, "actors.adm-Ada: is not the name of an actor"),
        ("actors/adm-", {}, "actors.adm-: is not the name of an actor"),
        (f"actors/adm-{'a' * 61}", {}, "is not the name of an actor"),
        (f"{ADA}/type", "agt", "actors.adm-ada.type: is not the prefix of its name, adm"),
        (f"{ADA}/type", "root", 'actors.adm-ada.type: "root" is not one of adm, agt, atm'),
        (f"{ADA}/principals", [], "actors.adm-ada.principals: is empty"),
        (f"{ADA}/principals", ["a,b"], "actors.adm-ada.principals[0]: is not a principal"),
        (f"{ADA}/principals", ["a", "*"], "actors.adm-ada.principals[1]: is not a principal"),
        (f"{ADA}/principals", ["a b"], "actors.adm-ada.principals[0]: is not a principal"),
        (f"{ADA}/principals", ["a", "a"], "actors.adm-ada.principals[1]: is listed twice"),
        (f"{ADA}/principals", ["-rf"], "actors.adm-ada.principals[0]: is not a principal"),
        (f"{ADA}/principals", [f"p{n}" for n in range(257)], "actors.adm-ada.principals: has more than 256"),
        (f"{ADA}/ttl", "49h", "actors.adm-ada.ttl: is not allowed for adm-; at most 48h"),
        (f"{CI}/ttl", "86401s", "actors.agt-ci.ttl: is not allowed for agt-; at most 24h"),
        (
            "actors/atm-x",
            {"ttl": "9h", "source_addresses": ["10.0.0.1"], "identities": [{"approle": "x"}]},
            "actors.atm-x.ttl: is not allowed for atm-",
        ),
        ("hosts/db", {"ttl": "1681h"}, "hosts.db.ttl: is not allowed for a host; at most 70d"),
        (f"{CI}/ttl_hours", 25, "actors.agt-ci.ttl_hours: is not allowed for agt-; at most 24h"),
        (f"{CI}/ttl_hours", 0, "actors.agt-ci.ttl_hours: is not allowed for agt-"),
        (f"{ADA}/ttl_hours", 1, "actors.adm-ada.ttl_hours: cannot stand beside ttl"),
        (f"{CI}/source_addresses", None, "actors.agt-ci.source_addresses: is missing"),
        (f"{CI}/source_addresses", ["10.1.2.3/8"], "actors.agt-ci.source_addresses[0]: is not a network"),
        (f"{CI}/source_addresses", ["0.0.0.0/0"], "actors.agt-ci.source_addresses: covers every address"),
        (
            f"{CI}/source_addresses",
            ["0.0.0.0/1", "::/8", "128.0.0.0/1"],
            "agt-ci.source_addresses: covers every address",
        ),
        (f"{CI}/source_addresses", ["10.0.0.1/255.255.255.255"], "source_addresses[0]: is not a network"),
        (f"{CI}/public_keys", [], "actors.agt-ci.public_keys: is empty; leave it out"),
        ("hosts/db/public_keys", [], "hosts.db.public_keys: is empty; leave it out"),
        (f"{CI}/source_addresses", ["*"], "actors.agt-ci.source_addresses[0]: is not a network"),
        (f"{CI}/force_command", "a\u00e9", "actors.agt-ci.force_command: is not a command"),
        (f"{CI}/extensions", ["permit-all"], "actors.agt-ci.extensions[0]: is not an extension"),
        (f"{CI}/public_keys", ["ssh-dss AAAA"], "actors.agt-ci.public_keys[0]: is not a public key"),
        (f"{CI}/public_keys", [f"{KEY}A"], "actors.agt-ci.public_keys[0]: is not a public key"),
        (f"{CI}/public_keys", [KEY, KEY], "actors.agt-ci.public_keys[1]: is listed twice"),
        (f"{CI}/hosts", ["mail"], "actors.agt-ci.hosts[0]: is not in hosts or host_groups, which have web, db, all"),
        (f"{CI}/identities", [], "warning: actors.agt-ci.identities: is empty"),
        (f"{CI}/principals", ["a", "b"], "warning: actors.agt-ci.principals: has several"),
        (f"{CI}/identities", [{"workload": "runner"}], 'actors.agt-ci.identities[0].workload: "runner" has no'),
        (
            f"{CI}/identities",
            [{"workload": "ci/a"}, {"workload": "ci/b"}],
            "actors.agt-ci.identities[1]: has the role of another identity",
        ),
        (
            f"{CI}/identities",
            [{"workload": "ci/a", "mount": "company", "role": "SSH-adm-ada"}],
            "actors.agt-ci.identities[0]: has the role of an identity of adm-ada, auth/company/role/ssh-adm-ada",
        ),
        (
            f"{ADA}/identities",
            [{"person": "a*", "login": "company"}],
            "adm-ada.identities[0].person: is not one person",
        ),
        (f"{ADA}/identities", [{"person": "a", "login": "x"}], "actors.adm-ada.identities[0].login: is not a login"),
        (f"{ADA}/identities", [{"github": "acme/x"}], "actors.adm-ada.identities[0]: needs branch, tag or"),
        (f"{ADA}/colour", "red", "actors.adm-ada.colour: unknown key"),
        ("hosts/Web", {}, "hosts.Web: is not the name of a host"),
        ("hosts/web/names", [], "hosts.web.names: is empty"),
        ("hosts/web/names", ["*.example.com"], "hosts.web.names[0]: is not the name or the address of a host"),
        ("hosts/web/names", ["a b"], "hosts.web.names[0]: is not the name or the address of a host"),
        ("hosts/db/names", ["WEB.example.com"], "hosts.db.names: has WEB.example.com, which is a name of web"),
        ("hosts/db/public_keys", ["x"], "hosts.db.public_keys[0]: is not a public key"),
        ("host_groups/web", ["db"], "host_groups.web: is the name of a host, too"),
        ("host_groups/none", [], "host_groups.none: is empty"),
        ("host_groups/all", ["web", "mail"], "host_groups.all[1]: is not in hosts, which has web, db"),
        ("host_groups/A", ["web"], "host_groups.A: is not the name of a group"),
        ("authorities/users", {}, "authorities.users: needs exactly one of openbao, key, agent, pkcs11"),
        ("authorities/users", {"openbao": "ssh", "key": "/ca"}, "authorities.users: needs exactly one of"),
        ("authorities/users", {"openbao": "/ssh/"}, "authorities.users.openbao: is not a mount"),
        ("authorities/users", {"key": "ca"}, "authorities.users.key: is not an absolute path"),
        ("authorities/users", {"agent": "ca"}, "authorities.users.agent: is not a public key"),
        ("authorities/users", {"openbao": "s", "also_trusted": ["x"]}, "authorities.users.also_trusted[0]: is not a"),
        (
            "authorities/users",
            {"pkcs11": {"library": "l.so", "public_key": KEY}},
            "users.pkcs11.library: is not an abs",
        ),
        ("authorities/users", {"pkcs11": {"library": "/l.so", "public_key": "k"}}, "users.pkcs11.public_key: is not a"),
        ("authorities/break_glass", {"openbao": "ssh2"}, "authorities.break_glass.openbao: is OpenBao"),
        ("authorities/hosts", {"openbao": "ssh"}, "authorities.hosts: is the authority of users, too"),
    ],
)
def test_each_rule(platform, path, value, said):
    found = faults(platform, changed(path, value))
    assert [each for each in found if said in each], found
    assert len(found) == 1, found


def test_all_faults_are_reported_at_once_with_their_lines(platform):
    text = (
        "actors:\n  adm-a:\n    ttl: 99h\n    principals: ['*']\n"
        "    identities: [{person: a, login: company}]\nhosts:\n  Web: {}\n"
    )
    (platform / "inventory.yaml").write_text(text)
    with pytest.raises(Invalid) as caught:
        load_inventory(str(platform))
    assert [(each.line, each.field) for each in caught.value.faults] == [
        (3, "actors.adm-a.ttl"),
        (4, "actors.adm-a.principals[0]"),
        (7, "hosts.Web"),
    ]


def test_secret_material_is_refused(platform):
    found = faults(platform, f"actors: {{}}\n# sk-or-v1-{'0123456789abcdef' * 4}\n")
    assert [each for each in found if "secret material" in each]


def test_an_actor_has_neither_an_id_of_an_entry_nor_a_role_of_a_lane(platform):
    (platform / "catalog" / "agt-ci.yaml").write_text(
        "lane: agt-ci\ntitle: t\nstatus: draft\nreviewed: 2026-11-01\n"
        "owners: {custody: {repo: a, doc: b}, consumer: {repo: a, doc: b}}\n"
        "custody: {path: platform/workloads/a/b/c, fields: [KEY]}\n"
        "readers: [{workload: ci/runner, role: ssh-agt-ci}]\n"
    )
    role = "has the role of a reader of agt-ci, auth/kubernetes/role/ssh-agt-ci; name another role"
    assert faults(platform, GOOD) == [
        "actors.agt-ci: is the id of an entry of the catalog, too; rename the actor",
        f"actors.agt-ci.identities[0]: {role}",
    ]


def test_others_who_can_change_it_are_an_error(platform):
    (platform / "inventory.yaml").write_text(yaml.safe_dump(GOOD))
    (platform / "inventory.yaml").chmod(0o666)
    with pytest.raises(UsageError):
        load_inventory(str(platform))


# -- adding -----------------------------------------------------------------------------------------------------------

BOB = {
    "identities": [{"person": "bob", "login": "company"}, {"workload": "ci/bob", "ttl": "90s"}],
    "ttl": "90m",
    "hosts": ["web"],
    "description": "x: y # z",
}
DECLARED = Actor(
    identities=(
        PersonIdentity(person="bob", login="company"),
        WorkloadReader(workload=Workload("ci", "bob"), ttl=Seconds(90)),
    ),
    ttl=Seconds(5400),
    hosts=("web",),
    description="x: y # z",
)
FILES = [
    "actors:\n  adm-ada: {identities: [{person: ada, login: company}]} # Ada\n\n# hosts\nhosts:\n  web: {}\n",
    "hosts: {web: {}}\nactors:   # who\n    adm-ada:\n        description: 'Ada'\n\n    adm-eve:\n        ttl: 1h",
    "hosts: {web: {}}\r\nactors:\r\n  adm-ada:\r\n    ttl: 1h\r\n",
    "hosts: {web: {}}\n",
    "actors: {}\nhosts: {web: {}}\n",
    "actors: {adm-ada: {ttl: 1h}}\nhosts: {web: {}}\n",
    "actors:\nhosts: {web: {}}\n",
]


@pytest.mark.parametrize("text", FILES)
def test_an_actor_is_added_and_the_rest_stays(platform, text):
    file = platform / "inventory.yaml"
    file.write_bytes(text.encode())
    wrong = "actors:\nhosts" in text
    before = Inventory() if wrong else load_inventory(str(platform))
    if wrong:
        with pytest.raises(Invalid):
            add(str(platform), "actor", "adm-bob", BOB)
        assert file.read_bytes() == text.encode()
        return
    add(str(platform), "actor", "adm-bob", BOB)
    after = load_inventory(str(platform))
    assert after.actors == {**before.actors, "adm-bob": DECLARED}
    assert after.hosts == before.hosts
    kept = file.read_bytes()
    for line in () if "{}" in text or "{adm" in text else text.encode().split(b"\n"):  # in order, and whole
        at = kept.find(line)
        assert at >= 0
        kept = kept[at + len(line) :]


def test_an_actor_is_added_before_what_belongs_to_the_next_key(platform):
    file = platform / "inventory.yaml"
    file.write_text(FILES[0])
    add(str(platform), "actor", "adm-bob", BOB)
    assert file.read_text().endswith("\n\n# hosts\nhosts:\n  web: {}\n")


def test_the_first_one_makes_the_file(platform):
    web = Actor(identities=(PersonIdentity(person="ada", login="company"),))
    add(str(platform), "actor", "adm-ada", {"identities": [{"person": "ada", "login": "company"}]})
    assert load_inventory(str(platform)) == Inventory(actors={"adm-ada": web})
    assert (platform / "inventory.yaml").read_text().startswith("# yaml-language-server: $schema=schema/inventory.json")


@pytest.mark.parametrize("text", [each for each in FILES if "actors:\nhosts" not in each])
def test_a_host_is_added_and_the_rest_stays(platform, text):
    file = platform / "inventory.yaml"
    file.write_bytes(text.encode())
    before = load_inventory(str(platform))
    add(str(platform), "host", "db.eu", {"names": ["db.example.com"], "ttl": "7d"})
    after = load_inventory(str(platform))
    assert after.hosts == {**before.hosts, "db.eu": Host(names=("db.example.com",), ttl=Seconds(7 * 86400))}
    assert after.actors == before.actors
    with pytest.raises(UsageError) as caught:
        add(str(platform), "host", "web", {})
    assert caught.value.problem == AlreadyDeclared("host", "web")


def test_a_host_is_the_last_line_of_hosts(platform):
    file = platform / "inventory.yaml"
    file.write_text(f"{FILES[0]}# who signs\nauthorities: {{users: {{openbao: ssh}}}}\n")
    add(str(platform), "host", "db", {})
    rest = "# who signs\nauthorities: {users: {openbao: ssh}}\n"
    assert file.read_text() == f"{FILES[0]}  db: {{}}\n{rest}"


IDENTITIES = [
    ("approle: backup, cidrs: [10.0.0.0/8], secret_id_ttl: 1h", AppRoleReader),
    ("github: acme/deploy, branch: main", GithubReader),
    ("gitlab: acme/deploy, branch: main, protected: false", GitlabReader),
    ("certificate: backup.example.com, ca: ca.pem", CertificateReader),
    ("people: operators, login: company", PeopleReader),
    ("person: ada, login: company", PersonIdentity),
    ("workload: ci/run, mount: cluster-b", WorkloadReader),
]


@pytest.mark.parametrize(("text", "kind"), IDENTITIES)
def test_every_kind_of_identity_is_added(platform, text, kind):
    add(str(platform), "actor", "adm-x", {"identities": [as_entry(text)]})
    (found,) = load_inventory(str(platform)).actors["adm-x"].identities
    assert type(found) is kind
    for name, value in as_entry(text).items():
        assert f"{name}:" in (platform / "inventory.yaml").read_text(), value


@pytest.mark.parametrize("text", ["", "approle", "approle:", "a: b}", "[a]", "a: {", "- a", "a: b: c"])
def test_what_is_not_an_identity_in_form_is_none(text):
    assert as_entry(text) is None


def test_what_is_wrong_is_not_added(platform):
    (platform / "inventory.yaml").write_text(FILES[0])
    with pytest.raises(Invalid) as caught:
        add(str(platform), "actor", "agt-x", {"ttl": "25h"})
    assert [each.field for each in caught.value.faults] == ["actors.agt-x.source_addresses", "actors.agt-x.ttl"]
    with pytest.raises(UsageError):
        add(str(platform), "actor", "adm-ada", BOB)
    assert (platform / "inventory.yaml").read_text() == FILES[0]
