import pytest

from warden.core.openbao.right import SAMPLE, Right, Scope
from warden.core.openbao.rights import VERBS, missing, policy_text, rights_of


def right(path="a/*", capabilities=("patch", "read")):
    return Right(path=path, capabilities=capabilities, why="because")


@pytest.mark.parametrize(
    ("held", "lacks"),
    [
        (("read",), ("patch",)),
        (("patch", "read", "list"), ()),
        ((), ("patch", "read")),
        (("deny",), ("patch", "read")),
        (("root",), ()),
    ],
)
def test_what_is_lacking(held, lacks):
    assert right().lacks(held) == lacks


def test_a_path_the_server_said_nothing_of_is_lacking_in_full():
    assert missing([right()], {}) == (right(),)


def test_only_the_lacking_capabilities_are_named():
    assert missing([right()], {right().sample: ("read",)}) == (right(capabilities=("patch",)),)


def test_a_path_that_is_lacking_twice_is_named_once_with_all_that_lacks():
    rights = [right(capabilities=("read",)), right(capabilities=("delete", "read")), right(path="b")]
    found = missing(rights, {"b": ("read", "patch")})
    assert [(each.path, each.capabilities) for each in found] == [("a/*", ("delete", "read"))]


@pytest.mark.parametrize("verb", VERBS)
def test_every_sample_is_a_concrete_path_below_its_pattern(verb):
    for each in rights_of(verb):
        assert "*" not in each.sample
        assert each.sample.startswith(each.path.partition("*")[0].replace("+", SAMPLE))
        assert len(each.sample) > len(each.path.rstrip("*")) or "*" not in each.path


@pytest.mark.parametrize("verb", VERBS)
def test_every_right_has_a_reason_and_sorted_capabilities(verb):
    for each in rights_of(verb):
        assert each.why
        assert list(each.capabilities) == sorted(each.capabilities)


def test_the_scope_decides_mounts_and_names():
    text = policy_text("apply", Scope(kv="kv", auth=("k8s",), policies="team-*"))
    assert 'path "auth/k8s/role/*" { capabilities = ["create", "delete", "read", "update"] }' in text
    assert 'path "sys/policies/acl/team-*"' in text
    assert 'path "kv/metadata/*"' in text
    assert "platform" not in text
    assert "netkingdom" not in text


def test_each_path_stands_once_in_a_policy_and_optional_rights_are_commented_out():
    text = policy_text("apply")
    stanzas = [line for line in text.splitlines() if line.startswith("path ")]
    assert len(stanzas) == len({stanza.split('"')[1] for stanza in stanzas})
    assert '#   path "sys/mounts/platform" { capabilities = ["create", "update"] }' in text
    assert "#   path" not in policy_text("apply", extras=True)


@pytest.mark.parametrize("verb", ["plan", "apply", "put", "prove", "status", "doctor", "who-can"])
def test_no_verb_but_access_may_read_values(verb):
    readers = [r.path for r in rights_of(verb) if "read" in r.capabilities]
    assert readers
    assert not [path for path in readers if path.startswith("platform/data/")]


def test_even_access_gets_no_right_to_read_all_values():
    assert 'path "platform/data/*"' not in [line.strip() for line in policy_text("access").splitlines()]
    assert '#   path "platform/data/*"' in policy_text("access")
