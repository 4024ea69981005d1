"""The issue log as a person reads it."""

import pytest
from issue_records import record

from warden.core.ssh.issue_log import DECISION
from warden.present import ssh_status


@pytest.mark.parametrize(
    ("body", "by"),
    [
        ({"policies": ["agents-give-a-reason"]}, "agents-give-a-reason"),
        (
            {"policies": [], "points": [{"point": "cedar", "effect": "allow"}, {"point": "company", "effect": "deny"}]},
            "company",
        ),
    ],
)
def test_a_denial_names_who_denied_it(capsys, body, by):
    ssh_status.show_log([record(1, DECISION, {"action": "sign", "effect": "deny", **body})], "")
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "1",
        "2026-01-01T00:00:01Z",
        "DENIED",
        "agt-deploy",
        "-",
        "-",
        by,
    ]
