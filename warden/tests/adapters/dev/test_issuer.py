import base64
import json

import pytest

from warden.adapters.dev.issuer import LocalIssuer, new_key
from warden.core.errors import NotFound
from warden.core.lanes.lane import Workload
from warden.present.errors import hint


def claims_of(jwt):
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def issuer(tmp_path):
    for mount in ("kubernetes", "netkingdom"):
        new_key(f"{tmp_path}/{mount}.pem")
    return LocalIssuer(str(tmp_path))


def test_a_minted_token_has_the_claims_of_a_cluster(issuer):
    claims = claims_of(issuer.mint(Workload("activity-core", "llm-connect"), "openbao", 600).reveal())
    assert claims["sub"] == "system:serviceaccount:activity-core:llm-connect"
    assert claims["aud"] == ["openbao"]
    assert claims["exp"] - claims["iat"] == 600
    assert claims["nbf"] == claims["iat"]
    assert claims["kubernetes.io"]["namespace"] == "activity-core"
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "llm-connect"
    assert claims["iss"]
    assert claims["jti"]


def test_two_tokens_of_one_account_differ_in_their_id_and_agree_in_the_account(issuer):
    one, two = (claims_of(issuer.mint(Workload("a", "b"), "openbao", 600).reveal()) for _ in range(2))
    assert one["jti"] != two["jti"]
    assert one["kubernetes.io"] == two["kubernetes.io"]


def test_a_claim_can_be_replaced_and_nothing_else_changes(issuer):
    usual = claims_of(issuer.mint(Workload("a", "b"), "openbao", 600).reveal())
    other = claims_of(issuer.mint(Workload("a", "b"), "openbao", 600, iss="https://elsewhere.invalid").reveal())
    assert {key for key in usual if usual[key] != other[key]} <= {"iss", "jti", "iat", "nbf", "exp"}
    assert other["iss"] == "https://elsewhere.invalid"


def test_a_key_is_for_its_owner_alone(tmp_path):
    public = new_key(f"{tmp_path}/k.pem")
    assert (tmp_path / "k.pem").stat().st_mode & 0o777 == 0o600
    assert public.startswith("-----BEGIN PUBLIC KEY-----")
    assert "PRIVATE" not in public


@pytest.mark.parametrize("content", [None, b"", b"no key at all"])
def test_without_its_key_it_says_so_and_what_to_do(tmp_path, content):
    if content is not None:
        (tmp_path / "kubernetes.pem").write_bytes(content)
    with pytest.raises(NotFound) as caught:
        LocalIssuer(str(tmp_path)).mint(Workload("a", "b"), "openbao", 600)
    assert hint(caught.value) == "warden dev up"
