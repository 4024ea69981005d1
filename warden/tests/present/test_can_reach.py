"""What one identity can reach, on a terminal."""

import pytest

from warden.core.access_index.ways import Identity, Rule, WayIn
from warden.present import terminal
from warden.present.can_reach import show_can_reach
from warden.usecases.can_reach import Reach, Reached

NAME = "auth/kubernetes/role/workload-billing-api"
CAPABILITIES = ("create", "delete", "list", "patch", "read", "sudo", "update")
RULE = Rule("workload-kv-read-billing-api-stripe", "platform/data/workloads/billing/api/stripe")
WAYS = tuple(
    WayIn(identity=Identity("", "login", NAME), effect=each, rules=(RULE,)) for each in ("reads", "writes", "grants")
)
REACH = Reach(
    identity=NAME,
    names=(NAME,),
    lanes=(Reached(lane="billing-api-stripe", path="platform/workloads/billing/api/stripe", ways=WAYS),),
    rules=((RULE, CAPABILITIES),),
    unknown=(),
)


@pytest.mark.parametrize("columns", [0, 40, 80, 200])
def test_cuts_no_capability_at_any_width(monkeypatch, capsys, columns):
    monkeypatch.setattr(terminal, "width", lambda: columns)
    show_can_reach(REACH, "OpenBao https://bao.example.org")
    told = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in told
    words = " ".join(told.split())
    assert ", ".join(CAPABILITIES) in words
    assert "read, change, gain access" in words
    if columns >= 80:
        assert max(map(len, told.splitlines())) <= columns
