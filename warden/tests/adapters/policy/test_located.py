"""Who decides on a platform: nothing in platform.yaml is passed over, however it is written."""

from pathlib import Path

import pytest
import trustme
from policy_questions import access, who
from policy_server import policy_server

from warden.adapters.catalog.platform_name import journal_of
from warden.adapters.policy.cedar import CedarPolicy
from warden.adapters.policy.chain import PolicyChain
from warden.adapters.policy.located import policy_of
from warden.core.errors import Inconclusive, Invalid, UsageError
from warden.present.errors import message

PERMITS = {("e-reader", "access", "billing-key")}
ANYBODY = "permit (principal, action, resource);"


def platform(folder: Path, text: str) -> str:
    (folder / "platform.yaml").write_text(text)
    return str(folder)


def permissive(folder: Path) -> None:
    policies = folder / "policies" / "access"
    policies.mkdir(parents=True)
    (policies / "p.cedar").write_text(ANYBODY)


def test_without_policy_points_the_access_policies_decide_alone(tmp_path):
    assert isinstance(policy_of(str(tmp_path), {}), CedarPolicy)
    assert isinstance(policy_of(platform(tmp_path, "platform: x\n"), {}), CedarPolicy)
    assert isinstance(policy_of(platform(tmp_path, "policy_points: []\n"), {}), CedarPolicy)


FORMS = [
    "policy_points:\n  - authzen: {}\n    name: company\n",
    "policy_points: [{{authzen: '{}', name: company}}]\n",
    "{{policy_points: [{{authzen: '{}', name: company}}]}}\n",
    '"policy_points": [{{authzen: "{}", name: company}}]\n',
    '"policy\\x5fpoints": [{{authzen: "{}", name: company}}]\n',
]


@pytest.mark.parametrize("form", FORMS)
def test_a_point_is_asked_however_it_is_written(tmp_path, form):
    permissive(tmp_path)
    with policy_server("authzen", permits=PERMITS) as server:
        policy = policy_of(platform(tmp_path, form.format(server.url)), {})
        assert policy.decide(access()).effect == "allow"
        denied = policy.decide(access(who("e-other")))
    assert (denied.effect, denied.denied_by and denied.denied_by.point) == ("deny", "company")
    assert [each.point for each in denied.points] == ["cedar", "company"]


def test_the_access_policies_come_first_and_end_it(tmp_path):
    with policy_server("authzen", permits=PERMITS) as server:
        policy = policy_of(platform(tmp_path, FORMS[0].format(server.url)), {})
        denied = policy.decide(access(who("e-reader"), lane="other"))
    assert (denied.effect, denied.denied_by, len(denied.points)) == ("deny", None, 1)
    assert not server.asked


def test_access_policies_that_are_replaced_are_not_asked(tmp_path):
    text = FORMS[0] + "access_policies: replaced\n"
    with policy_server("authzen", permits=PERMITS) as server:
        policy = policy_of(platform(tmp_path, text.format(server.url)), {})
        found = policy.decide(access())
    assert [each.point for each in found.points] == ["company"]


def test_several_points_are_asked_in_their_order_until_one_denies(tmp_path):
    permissive(tmp_path)
    with policy_server("authzen", permits=PERMITS) as first, policy_server("flex-auth") as second:
        text = FORMS[0].format(first.url) + f"  - flex_auth: {second.url}\n    name: flex\n    tenant: t\n"
        third = f"  - authzen: {first.url}\n    name: third\n"
        found = policy_of(platform(tmp_path, text + third), {}).decide(access())
    assert [(each.point, each.effect) for each in found.points] == [
        ("cedar", "allow"),
        ("company", "allow"),
        ("flex", "deny"),
    ]
    assert (found.effect, found.policies, len(first.asked)) == ("deny", ("flex",), 1)


def test_a_point_that_is_away_lets_nobody_through(tmp_path):
    permissive(tmp_path)
    with policy_server("authzen") as server:
        pass
    with pytest.raises(Inconclusive, match="policy point company"):
        policy_of(platform(tmp_path, FORMS[0].format(server.url)), {}).decide(access())


@pytest.mark.parametrize(
    "text",
    ["policy_points: {}\n", "policy_points:\n  - name: x\n", "policy_points: [\n", "access_policies: replaced\n"],
)
def test_a_file_with_errors_lets_nobody_through(tmp_path, text):
    permissive(tmp_path)
    if "points" in text:
        with pytest.raises(Invalid):
            policy_of(platform(tmp_path, text), {})
    else:  # nothing replaces them, so they are asked; `catalog check` reports it
        assert isinstance(policy_of(platform(tmp_path, text), {}), CedarPolicy)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be"])
def test_a_point_in_another_encoding_is_not_overlooked(tmp_path, encoding):
    """As some editors save a file: who looks for the words alone does not find them, nor the journal's URL."""
    permissive(tmp_path)
    text = "journal: postgresql://journal.internal/warden\n" + FORMS[0].format("https://pdp.example.com")
    (tmp_path / "platform.yaml").write_bytes(text.encode(encoding))
    with pytest.raises(UsageError, match=r"platform\.yaml cannot be read"):
        policy_of(str(tmp_path), {}).decide(access())
    with pytest.raises(UsageError, match=r"platform\.yaml cannot be read"):
        journal_of(str(tmp_path))


def test_a_point_at_the_end_of_a_file_that_is_too_large_is_not_overlooked(tmp_path):
    permissive(tmp_path)
    text = "# more\n" * 200_000 + FORMS[0].format("https://pdp.example.com")
    with pytest.raises(UsageError, match=r"platform\.yaml cannot be read"):
        policy_of(platform(tmp_path, text), {}).decide(access())


def test_a_file_that_cannot_be_read_lets_nobody_through(tmp_path):
    (tmp_path / "platform.yaml").mkdir()
    with pytest.raises(UsageError, match="who decides about access is not known"):
        policy_of(str(tmp_path), {})


def test_the_authorities_are_of_the_platform_directory(tmp_path):
    import ssl

    permissive(tmp_path)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    (tmp_path / "pdp.pem").write_bytes(authority.cert_pem.bytes())
    with policy_server("authzen", permits=PERMITS, tls=context) as server:
        text = FORMS[0].format(server.url)
        assert policy_of(platform(tmp_path, text + "    ca: pdp.pem\n"), {}).decide(access()).effect == "allow"
        with pytest.raises(Inconclusive, match="does not verify"):
            policy_of(platform(tmp_path, text), {}).decide(access())
        for named in ("gone.pem", "../pdp.pem", "platform.yaml"):
            with pytest.raises(UsageError) as caught:
                policy_of(platform(tmp_path, f"{text}    ca: {named}\n"), {}).decide(access())
            assert "certificate authorities of the policy point company" in message(caught.value)


def test_a_chain_is_the_order_of_the_file(tmp_path):
    found = policy_of(platform(tmp_path, FORMS[0].format("https://pdp.example")), {})
    assert isinstance(found, PolicyChain)
