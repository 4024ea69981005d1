"""Which certificates without OpenBao wait for somebody, wherever they were signed and acknowledged."""

import pytest

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.whereabouts import Here
from warden.core.ssh.issue_log import ACKNOWLEDGED, EMERGENCY, ISSUED
from warden.usecases.steps.emergencies import every_emergency, waiting_emergencies


@pytest.fixture
def offline(tmp_path) -> SqliteJournal:
    """The journal as `sign --break-glass` writes it."""
    return SqliteJournal(str(tmp_path / "journal.db"), whereabouts=Here(str(tmp_path), {}))


@pytest.fixture
def online(tmp_path, platform_server) -> SqliteJournal:
    """The same journal, at an OpenBao that answers."""
    at = Here(str(tmp_path), {"BAO_ADDR": platform_server.address})
    return SqliteJournal(str(tmp_path / "journal.db"), whereabouts=at)


def emergency(journal: SqliteJournal, **body: object) -> int:
    return journal.record(EMERGENCY, "adm-ada", {"identity": {"display_name": "ada@laptop"}, "reason": "down", **body})


def test_what_was_signed_offline_is_shown_at_an_openbao(offline, online):
    number = emergency(offline)
    offline.record(ISSUED, "adm-ada", {"emergency": number, "serial": 7, "valid_before": 9})
    (found,) = waiting_emergencies(online)
    assert (found.record, found.serials, found.ends) == (number, (7,), 9)


def test_it_is_acknowledged_at_whichever_openbao_there_is(offline, online, tmp_path):
    number = emergency(offline)
    elsewhere = {"platform": str(tmp_path), "openbao": "another", "namespace": ""}
    online.record(ACKNOWLEDGED, "adm-ada", {"record": number, "place": elsewhere})
    assert waiting_emergencies(online) == waiting_emergencies(offline) == []
    assert [each.record for each in every_emergency(online)] == [number]


def test_those_of_another_platform_are_not_shown(offline, online):
    emergency(offline, place={"platform": "/elsewhere", "openbao": None, "namespace": None})
    assert waiting_emergencies(online) == every_emergency(offline) == []


def test_an_earlier_one_that_is_acknowledged_hides_no_later_one(offline):
    first, second = emergency(offline), emergency(offline)
    offline.record(ACKNOWLEDGED, "adm-ada", {"record": first})
    assert [each.record for each in waiting_emergencies(offline)] == [second]
