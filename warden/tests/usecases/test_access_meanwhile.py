"""A lane that is closed while it is being read: nothing is handed over, and the journal shows why."""

import pytest

from warden.adapters.openbao.client import OpenBao
from warden.adapters.policy.cedar import CedarPolicy
from warden.core.access.authorization import NotHandedOver
from warden.core.errors import Closed
from warden.core.openbao.api import jwt_login
from warden.core.secret import Secret
from warden.present import errors
from warden.usecases.access import Ask, fetch, run
from warden.usecases.deactivate import record_closing


class ClosedWhileRead(OpenBao):
    """The real server; somebody closes the lane while its answer to the read is on its way."""

    def closed_by(self, close):
        self._close = close
        return self

    def read(self, mount, key):
        found = super().read(mount, key)
        self._close()
        return found


class Reader:
    """The port Caller: the lane's reader, who has logged in already."""

    def __init__(self, bench, close):
        reader, server = bench.lane.readers[0], bench.vault()
        jwt = Secret(bench.server.mint(str(reader.workload)))
        token = server.enter(jwt_login("kubernetes", bench.lane.role_of(reader), jwt)).token
        self._vault = ClosedWhileRead(server.endpoint, token).closed_by(close)

    def credential(self):
        return None

    def vault(self, token=None):
        return self._vault


class Runner:
    """The port Runner; what it was to become is kept."""

    started = False

    def find(self, command):
        return f"/bin/{command}"

    def exec(self, program, argv, secrets, *, as_files):
        self.started = True
        raise SystemExit(0)


@pytest.fixture
def asked(bench, tmp_path):
    """What `access` is called with, given what happens while it reads."""
    bench.ready()

    def ports(close):
        return {"caller": Reader(bench, close), "policy": CedarPolicy(str(tmp_path / "none")), "journal": bench.journal}

    return ports


def last_events(bench):
    return [record.event for record in bench.journal.log(last=3)]


def closing(bench):
    return lambda: record_closing(bench.lane.id, "INC-9", "", bench.journal)


def test_a_command_is_not_started(bench, asked):
    runner = Runner()
    with pytest.raises(Closed) as told:
        run(Ask(lane=bench.lane, via="env", command="true"), ["true"], runner=runner, **asked(closing(bench)))
    assert not runner.started
    assert told.value.problem.meanwhile
    assert told.value.problem.reason == "INC-9"
    assert told.value.effect == NotHandedOver(program="true", read=True)
    assert errors.message(told.value).endswith(". true was not started.")
    assert last_events(bench) == ["lane.closed", "access.handed", "access.failed"]
    assert bench.journal.log()[-1].body["kind"] == "closed"


def test_a_field_is_not_fetched(bench, asked):
    with pytest.raises(Closed) as told:
        fetch(Ask(lane=bench.lane, via="stdout"), "API_KEY", **asked(closing(bench)))
    assert told.value.effect == NotHandedOver(program="", read=True)
    assert last_events(bench) == ["lane.closed", "access.handed", "access.failed"]


def test_what_stays_open_is_handed_over(bench, asked):
    runner = Runner()
    with pytest.raises(SystemExit):
        run(Ask(lane=bench.lane, via="env", command="true"), ["true"], runner=runner, **asked(lambda: None))
    assert runner.started
    assert fetch(Ask(lane=bench.lane, via="stdout"), "API_KEY", **asked(lambda: None)).reveal() == bench.value
