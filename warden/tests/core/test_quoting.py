import base64
import hashlib
import typing

import pytest

from warden.core.clusters.adoption import AdoptionObstacle
from warden.core.plans.plan import Difference, Note, Obstacle, Widening
from warden.core.proofs.details import FieldsDiffer, PathCapabilities
from warden.core.proofs.verdict import Detail
from warden.core.quoting import Facts, name, placeholder, quoted, without_secrets
from warden.core.unobserved import Unobserved

DIGITS = hashlib.sha256(b"not a real key").hexdigest()
KEYS = [f"sk-or-v1-{DIGITS}", f"key-{DIGITS[:24]}", f"hvs.{base64.b64encode(DIGITS.encode()).decode()[:32]}"]


def test_another_systems_words_are_bounded_and_without_what_looks_like_a_value():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    assert key[12:] not in quoted(f"could not read {key}")
    assert quoted("a\n  b\tc") == "a b c"
    assert len(quoted("word " * 200)) == 201
    assert quoted(f"{' ' * 20_000}{key}") == "", "who sends megabytes does not have all of them scanned"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "prefix-{}", "# {} of the team", "{}\nsecond line"])
def test_a_value_in_the_place_of_a_name_is_removed(key, around):
    assert key not in name(around.format(key))
    assert key[8:] not in name(around.format(key))
    assert placeholder(name(around.format(key))) == "NAME"


@pytest.mark.parametrize(
    "text",
    [
        "OPENROUTER_API_KEY",
        "workload-kv-read-llm-connect-provider-secrets",
        "auth/kubernetes/role/external-secrets-activity-core",
        "platform/data/workloads/activity-core/llm-connect",
        "llm-connect-7d9f8b6c5d-x2k4p",
        "0b24efe9-364b-4e55-b733-551040b4f91d",
        "system:serviceaccount:activity-core:llm-connect",
        "",
        "ü",
    ],
)
def test_an_ordinary_name_stays_as_it_is(text):
    assert name(text) == text
    assert placeholder(text) == text


@pytest.mark.parametrize("key", KEYS)
def test_a_value_is_removed_wherever_it_stands(key):
    assert key not in str(without_secrets({"labels": {key: ["x", (key, {"deep": key})]}, "n": 1, "none": None}))
    assert key not in str(FieldsDiffer(extra=(key, "OTHER")))
    assert key not in str(Unobserved("kind", "system", f"answered {key}"))
    assert key not in str(Unobserved("kind", "system", PathCapabilities(key, (key,))))
    policy = f'# {key}\npath "a" {{}}\n'
    assert key not in str(Difference("", policy, 'path "a" {}\n'))
    assert key not in str(Difference("bound_subject", [key], ["system:serviceaccount:a:b"]))
    assert key not in str(Difference(key, None, "x"))
    assert FieldsDiffer(extra=("OTHER",)) == FieldsDiffer(extra=("OTHER",))


@pytest.mark.parametrize("key", KEYS)
def test_what_is_declared_stays_in_a_difference(key):
    same = f'# {key}\npath "a" {{}}\n'
    assert Difference("", same, f"{same}# more\n").before == same


FACTS = {*typing.get_args(Detail), *typing.get_args(Obstacle), *typing.get_args(Widening)}
FACTS |= {*typing.get_args(Note), *typing.get_args(AdoptionObstacle)}


@pytest.mark.parametrize("kind", sorted(FACTS - {type(None)}, key=lambda each: each.__name__))
def test_whatever_says_something_about_another_system_is_facts(kind):
    assert issubclass(kind, Facts), f"{kind.__name__} would print what it is given"


@pytest.mark.parametrize(
    "path",
    [
        "platform/workloads/tenant/lane-a467dad5/lane-a467dad5-secrets",
        "platform/workloads/tenant/lane-99ede3c1/lane-99ede3c1-secrets",
        "auth/kubernetes/role/workload-tenant-lane-895f77c0",
    ],
)
def test_a_path_of_names_with_numbers_in_them_is_shown_as_it_is(path):
    assert name(path) == path


@pytest.mark.parametrize("secret", ["sk-or-v1-" + "0123456789abcdef" * 4, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzkq8pLmN1"])
def test_a_key_in_a_path_is_removed(secret):
    assert secret not in name(f"platform/workloads/{secret}/more")
    assert secret not in name(secret)
