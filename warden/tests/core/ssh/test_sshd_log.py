"""Lines as OpenSSH 9.2 wrote them."""

import pytest

from warden.core.ssh.sshd_log import logins

CERTIFICATE = "ED25519-CERT SHA256:otFA ID agt-x kid (serial 77) CA ED25519 SHA256:SP2X"
WHO = "root from 127.0.0.1 port 53588 ssh2"
ACCEPTED = f"Accepted publickey for {WHO}: {CERTIFICATE}"
FAILED = f"Failed publickey for {WHO}: {CERTIFICATE}"
BEGIN = 'Connection from 127.0.0.1 port 53588 on 127.0.0.1 port 22471 rdomain ""'


def test_an_accepted_login():
    (found,) = logins(f"{BEGIN}\n{ACCEPTED}\n", 77)
    assert (found.accepted, found.reason, found.said) == (True, None, ACCEPTED)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Certificate does not contain an authorized principal", "principal"),
        ("Certificate invalid: expired", "expired"),
        ("Certificate invalid: not yet valid", "not-yet-valid"),
        (
            "cert: Authentication tried for x with valid certificate but not from a permitted source address (::1).",
            "source-address",
        ),
        ("forced command options do not match", "command-differs"),
        ("Authentication key ED25519-CERT SHA256:otFA revoked by file /tmp/krl", "revoked"),
        ("Certificate invalid: not a user certificate", "not-a-user-certificate"),
    ],
)
def test_why_a_login_was_refused(line, reason):
    (found,) = logins(f"{BEGIN}\n{line}\n{FAILED}\n", 77)
    assert (found.accepted, found.reason, found.said) == (False, reason, line)


def test_a_refusal_without_a_reason_is_of_something_that_sshd_does_not_know():
    (found,) = logins(f"{BEGIN}\n{FAILED}\n", 77)
    assert (found.reason, found.said) == ("not-listed", FAILED)


def test_the_reason_of_another_connection_is_not_taken():
    other = FAILED.replace("77", "78")
    (found,) = logins(f"{BEGIN}\nCertificate invalid: expired\n{other}\n{BEGIN}\n{FAILED}\n", 77)
    assert found.reason == "not-listed"


def test_the_reason_of_another_certificate_of_the_connection_is_not_taken():
    first = f"{BEGIN}\nCertificate invalid: expired\n{FAILED.replace('77', '78')}\n"
    assert logins(f"{first}{FAILED}\n", 77)[0].reason == "not-listed"
    assert logins(f"{first}Certificate invalid: not yet valid\n{FAILED}\n", 77)[0].reason == "not-yet-valid"
    assert logins(f"{BEGIN}\n{FAILED}\nCertificate invalid: expired\n", 77)[0].reason == "not-listed"


def test_a_key_id_that_sounds_like_a_decision_is_not_one():
    spoken = FAILED.replace("kid", "Accepted publickey for root")
    assert logins(f"{BEGIN}\n{spoken}\n", 77)[0].accepted is False


def test_where_the_log_names_processes_their_lines_belong_together():
    lines = [
        f"Nov 30 18:00:00 web sshd-session[12]: {BEGIN}",
        f"Nov 30 18:00:00 web sshd-session[13]: {BEGIN}",
        "Nov 30 18:00:00 web sshd-session[12]: error: Certificate invalid: expired",
        "Nov 30 18:00:00 web sshd-session[13]: error: Certificate invalid: not yet valid",
        f"Nov 30 18:00:01 web sshd-session[12]: {FAILED}",
        f"Nov 30 18:00:01 web sshd-session[13]: {FAILED.replace('77', '78')}",
    ]
    (found,) = logins("\n".join(lines), 77)
    assert (found.reason, found.said) == ("expired", "Certificate invalid: expired")
    assert [each.reason for each in logins("\n".join(lines), 78)] == ["not-yet-valid"]


def test_two_logins_with_one_certificate_come_in_their_order():
    revoked = f"{BEGIN}\nAuthentication key ED25519-CERT SHA256:otFA revoked by file /k\n{FAILED}\n"
    found = logins(f"{BEGIN}\n{ACCEPTED}\n{revoked}", 77)
    assert [(each.accepted, each.reason) for each in found] == [(True, None), (False, "revoked")]


def test_a_certificate_that_its_bearer_could_not_sign_with_is_not_a_login():
    taken = 'Accepted certificate ID "agt-x kid" (serial 77) signed by ED25519 CA SHA256:SP2X via /cas'
    (found,) = logins(f"{BEGIN}\n{taken}\nFailed publickey for {WHO}: ED25519 SHA256:16Li\n", 77)
    assert (found.accepted, found.reason) == (False, "not-listed")


def test_a_login_that_was_not_decided_and_another_serial_are_nothing():
    assert logins(f"{BEGIN}\n", 77) == []
    assert logins(f'{BEGIN}\nAccepted certificate ID "x" (serial 77) signed by …\n', 77) == []
    assert logins(f"{BEGIN}\n{ACCEPTED}\n", 7) == []


def test_a_name_that_somebody_chose_is_not_a_reason_for_long():
    assert len(logins(f"{BEGIN}\nInvalid user {'x' * 5000} revoked by file\n{FAILED}\n", 77)[0].said) == 400


def test_a_key_id_that_looks_like_a_serial_is_not_one():
    forged = ACCEPTED.replace("kid", "x (serial 78) CA ED25519 SHA256:SP2X")
    assert logins(f"{BEGIN}\n{forged}\n", 78) == []
    (found,) = logins(f"{BEGIN}\n{forged}\n", 77)
    assert found.accepted
