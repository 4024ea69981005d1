"""What people read before and after certificates are revoked, and on a host."""

import time

import msgspec
import pytest

from warden.core.errors import Unreachable
from warden.core.ssh.issue_log import Issued
from warden.core.ssh.krl import Head
from warden.core.ssh.krl_pull import Flaw, Pulled, Refusal
from warden.core.ssh.revocation import Revocation
from warden.present.krl import pulled_json, refused, show_pulled, show_serving
from warden.present.revoke import SHOWN, amount, show_plan
from warden.usecases.revoke import Plan


def certificate(serial: int) -> Issued:
    return Issued(
        subject="agt-deploy",
        type="user",
        serial=serial,
        fingerprint="SHA256:key",
        authority="SHA256:ca",
        key_id="id",
        principals=("deploy",),
        valid_after=0,
        valid_before=1_800_000_000,
        handed="agent",
    )


def plan(count: int, *more: Revocation) -> Plan:
    ones = tuple(map(certificate, range(1, count + 1)))
    made = Revocation(reason="why", subject="agt-deploy", authority="SHA256:ca", serials=tuple(range(1, count + 1)))
    return Plan(certificates=ones, already=(), revocations=((made,) if count else ()) + more)


def test_a_plan_lists_some_certificates_and_counts_the_others(capsys):
    show_plan(plan(SHOWN + 5))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("serial ") == SHOWN
    assert "and 5 more certificates" in err
    assert "2027-01-15" in err, "until when it is valid"
    show_plan(plan(SHOWN))
    assert "more certificate" not in capsys.readouterr().err


def test_a_plan_says_what_is_broader_than_it_looks(capsys):
    everywhere = Revocation(reason="", serials=(1, 2))
    for_good, for_now = Revocation(reason="", keys=("SHA256:x",)), Revocation(reason="", keys=("SHA256:y",), until=60)
    show_plan(plan(0, everywhere, for_good, for_now))
    said = capsys.readouterr().err
    assert "2 serials for every CA" in said
    assert "key SHA256:x for good" in said
    assert "key SHA256:y until 1970-01-01T00:01:00Z" in said
    show_plan(msgspec.structs.replace(plan(0), already=(certificate(1),)))
    assert "revoked already" in capsys.readouterr().err
    show_plan(plan(0))
    assert "revoked already" not in capsys.readouterr().err, "nothing was found"


def test_the_amount_is_in_words():
    assert amount(plan(1)) == "1 certificate"
    assert amount(plan(2, Revocation(reason="", keys=("SHA256:x",)))) == "2 certificates and 1 key"
    assert amount(plan(0)) == "nothing new"


def pulled(**other: object) -> Pulled:
    now = int(time.time())
    found = Pulled(path="/rk", url="http://x/krl", state="kept", head=Head(7, now - 60), age=60, max_age=3600)
    return msgspec.structs.replace(found, **other)


@pytest.mark.parametrize("flaw", ["not-signed", "not-a-krl", "older", "same-version"])
def test_each_refusal_has_words_and_names_what_goes_on(flaw: Flaw, capsys):
    done = pulled(refusal=Refusal(flaw, 5, 7))
    show_pulled(done)
    out, err = capsys.readouterr()
    assert refused(Refusal(flaw, 5, 7)) in err
    assert "sshd goes on with /rk" in err
    assert "{" not in err
    assert "KRL version 7, kept, made 1 min ago" in out
    assert pulled_json(done)["refused"] == {"flaw": flaw, "found": 5, "known": 7}


def test_what_is_missing_is_told_on_stderr(capsys):
    fault = Unreachable("http://x/krl cannot be reached")
    show_pulled(pulled(fault=fault, repair="last-good"))
    said = capsys.readouterr().err
    assert "http://x/krl cannot be reached" in said
    assert "/rk was lost or changed" in said
    assert pulled_json(pulled(fault=fault))["error"] == "http://x/krl cannot be reached"
    show_pulled(pulled(age=None, head=Head(0, 0), repair="empty"))
    assert "has no KRL that was built" in capsys.readouterr().err
    show_pulled(pulled(damage="unreadable"))
    said = capsys.readouterr()
    assert "warden ssh krl pull URL --file /rk" in said.err
    assert said.out == "", "a file that cannot be read has no version"
    show_pulled(pulled(state="replaced"))
    assert capsys.readouterr().err == ""


def test_what_is_served_is_published_by_the_command_that_is_advised(capsys):
    show_serving("http://127.0.0.1:8622/krl", "/srv/krl", as_json=False)
    said = capsys.readouterr().err
    assert "warden ssh krl build --dir /srv/krl" in said
    assert "404" not in said
    show_serving("http://127.0.0.1:8622/krl", "/srv/krl", as_json=False, empty=True)
    assert "no KRL yet: hosts get 404" in capsys.readouterr().err
