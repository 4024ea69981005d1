"""The ledger in PostgreSQL: one budget for several gateways, also where connections, servers and processes end."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import uvloop
from postgres_proxy import postgres_proxy
from postgres_server import served_postgres

from llm_connect.accounts import postgresql_store
from llm_connect.accounts.postgresql_ledger import PostgresqlLedger
from llm_connect.common.errors import ConfigurationError, OverBudget, Unavailable
from llm_connect.config.ledger_url import LEDGER, ledger_faults, parameters
from llm_connect.config.model import Budget
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.config.settings import load_settings
from llm_connect.providers.port import Call

NAME = CUSTODIAN_TRIAGE.name
CALL = Call("m", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100})
USAGE = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10, "cost": None}
BOUND = 245
"""Tokens of CALL at most."""
BUDGETS = [Budget("total", tokens=100_000)]
CANARY = "CANARY-pg-6f1c1b5e0d7e4c4e9a573f5b"


@pytest.fixture
def database(postgres_database):
    return postgres_database()


@pytest.fixture
def proxy(postgres_server):
    """Requested before `ledger_at`, it outlives the ledgers."""
    with postgres_proxy(postgres_server.port) as running:
        yield running


@pytest.fixture
def stored(postgres_server, database):
    """What is stored as spent, by account."""
    return lambda: spent_in(postgres_server, database)


@pytest.fixture
async def ledger_at():
    opened = []

    async def open_ledger(url, *budgets):
        ledger = PostgresqlLedger(url, budgets or BUDGETS)
        opened.append(ledger)
        await ledger.open()
        return ledger

    yield open_ledger
    for each in opened:
        await each.close()


def spent_in(server, database):
    """By account, as it is stored."""
    rows = server.execute("SELECT name, tokens FROM llm_connect.account", database=database)
    return dict(rows)


async def eventually(test):
    async with asyncio.timeout(20):
        while not test():  # noqa: ASYNC110 - it looks into a database
            await asyncio.sleep(0.02)


RESERVES = """
import asyncio, sys, time, uvloop
from llm_connect.accounts.postgresql_ledger import PostgresqlLedger
from llm_connect.common.errors import Unavailable
from llm_connect.config.model import Budget
from llm_connect.providers.port import Call
CALL = Call("m", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100})

async def main(url):
    ledger = PostgresqlLedger(url, [Budget("total", caller="*", tokens=800), Budget("total", tokens=150_000)])
    await ledger.open()
    print("ready", flush=True)
    start, taken, failed = float(sys.stdin.readline()), 0, 0
    for wave in range(30):
        await asyncio.sleep(max(0, start + wave * 0.06 - time.time()))
        asked = [ledger.reserve(f"c{wave}-{number % 10}", "p", CALL, None) for number in range(50)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        taken += sum(not isinstance(each, BaseException) for each in found)
        failed += sum(isinstance(each, Unavailable) for each in found)
    print(taken, failed, flush=True)
    await ledger.close()

uvloop.run(main(sys.argv[1]))
"""


def test_two_gateways_with_many_callers_never_spend_more_than_a_budget_together(postgres_server, database):
    """Both ask for the same 300 callers at once, five times each: each caller's budget has room for three calls."""
    url = postgres_server.url(database)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", RESERVES, url], **pipes) for _ in range(2)]
    assert [each.stdout.readline() for each in both] == ["ready\n"] * 2
    start = time.time() + 0.2
    for each in both:
        each.stdin.write(f"{start}\n")
        each.stdin.flush()
    counted = [list(map(int, each.communicate(timeout=60)[0].split())) for each in both]
    taken, failed = (sum(each) for each in zip(*counted, strict=True))
    spent = spent_in(postgres_server, database)
    together = spent.pop("all|all|total|ever")
    assert max(spent.values()) <= 3 * BOUND
    assert together == taken * BOUND == sum(spent.values())
    assert together <= 150_000 < together + BOUND
    assert failed == 0
    assert min(each[0] for each in counted) > 0


async def test_both_see_what_the_other_has_spent_and_given_back(postgres_server, database, ledger_at):
    url = postgres_server.url(database)
    one, two = await ledger_at(url, Budget("day", tokens=300)), await ledger_at(url, Budget("day", tokens=300))
    taken = await one.reserve("ann", NAME, CALL, None)
    with pytest.raises(OverBudget):
        await two.reserve("ann", NAME, CALL, None)
    one.settle(taken, USAGE, None)
    await eventually(lambda: set(spent_in(postgres_server, database).values()) == {10})
    again = await two.reserve("ann", NAME, CALL, None)
    assert [each.tokens for each in two.spent.values()] == [10 + again.amount.tokens]


@pytest.mark.parametrize("fault", ["before-commit", "after-commit", "late-commit"])
async def test_a_connection_that_ends_in_a_commit_loses_and_doubles_nothing(proxy, database, ledger_at, stored, fault):
    ledger = await ledger_at(proxy.url(database))
    proxy.fault = fault
    taken = await ledger.reserve("ann", NAME, CALL, None)
    assert (proxy.done, proxy.fault) == (1, "")
    assert list(stored().values()) == [taken.amount.tokens]
    proxy.fault = fault
    ledger.settle(taken, USAGE, None)
    await eventually(lambda: proxy.done == 2 and not ledger._sent and not ledger._differences)
    assert list(stored().values()) == [10]


@pytest.mark.parametrize("fault", ["before-commit", "after-commit"])
async def test_what_was_reserved_for_a_call_that_was_refused_is_given_back(
    request, proxy, ledger_at, monkeypatch, fault
):
    """Its commit got no answer, and then nobody was there for a while."""
    database, stored = request.getfixturevalue("database"), request.getfixturevalue("stored")
    ledger = await ledger_at(proxy.url(database))
    other = await ledger.reserve("ann", NAME, CALL, None)
    proxy.fault, away = fault, True
    connect = postgresql_store.Store._open

    async def maybe(store):
        if store._db is None and away:
            raise OSError(111, "Connection refused")
        return await connect(store)

    monkeypatch.setattr(postgresql_store.Store, "_open", maybe)
    asked = asyncio.create_task(ledger.reserve("ann", NAME, CALL, None))
    with pytest.raises(Unavailable) as caught:
        await asked
    assert (caught.value.type, ledger.unwritable) == ("budget_unwritable", True)
    with pytest.raises(Unavailable):
        await ledger.reserve("ann", NAME, CALL, None)
    ledger.settle(other, USAGE, None)
    kept = 2 if fault == "after-commit" else 1
    assert list(stored().values()) == [kept * BOUND]
    away = False
    await eventually(lambda: not ledger.unwritable)
    assert list(stored().values()) == [10]


async def test_a_server_that_is_down_lets_nobody_call_and_comes_back_by_itself(ledger_at, caplog):
    with served_postgres() as server:
        ledger = await ledger_at(server.url())
        taken = await ledger.reserve("ann", NAME, CALL, None)
        server.stop()
        with pytest.raises(Unavailable) as caught:
            await ledger.reserve("ann", NAME, CALL, None)
        assert caught.value.type == "budget_unwritable"
        ledger.settle(taken, USAGE, None)
        late = await ledger_at(server.url())
        assert (ledger.unwritable, late.unwritable) == (True, True)
        server.start()
        await eventually(lambda: not ledger.unwritable and not late.unwritable)
        assert list(spent_in(server, "postgres").values()) == [10]
        again = await late.reserve("ann", NAME, CALL, None)
        assert list(spent_in(server, "postgres").values()) == [10 + again.amount.tokens]
        server.execute("DELETE FROM llm_connect.booker", "UPDATE llm_connect.account SET tokens = 0")
        await late.reserve("ann", NAME, CALL, None)
        assert "the ledger lost bookings" in caplog.text


async def test_who_waits_for_another_gateway_s_turn_blocks_no_event_loop(
    postgres_server, database, ledger_at, monkeypatch
):
    import psycopg

    monkeypatch.setattr(postgresql_store, "_SETTINGS", "SELECT set_config('lock_timeout', '800ms', true)")
    ledger = await ledger_at(postgres_server.url(database))
    with psycopg.connect(postgres_server.url(database)) as other:
        other.execute(postgresql_store._TURN.encode())
        asked = asyncio.create_task(ledger.reserve("ann", NAME, CALL, None))
        turns = 0
        while not asked.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 3  # a loop that is blocked has one
        with pytest.raises(Unavailable):
            asked.result()
    await eventually(lambda: not ledger.unwritable)
    assert spent_in(postgres_server, database) == {}


async def test_a_gateway_that_stops_in_its_turn_is_ended_by_the_server(postgres_server, database, ledger_at):
    import psycopg

    settings = postgresql_store._SETTINGS.replace("_timeout', '4s'", "_timeout', '600ms'")
    ledger = await ledger_at(postgres_server.url(database))
    with psycopg.connect(postgres_server.url(database)) as stopped:
        stopped.execute(settings.encode())
        stopped.execute(postgresql_store._TURN.encode())
        taken = await ledger.reserve("ann", NAME, CALL, None)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            stopped.execute("SELECT 1")
    assert list(spent_in(postgres_server, database).values()) == [taken.amount.tokens]


async def test_what_nobody_expected_stops_calls_and_leaves_nobody_waiting(
    postgres_server, database, ledger_at, monkeypatch, caplog
):
    ledger = await ledger_at(postgres_server.url(database))
    with monkeypatch.context() as patched:
        patched.setattr(postgresql_store, "_columns", lambda _added: 1 / 0)
        with pytest.raises(Unavailable):
            await ledger.reserve("ann", NAME, CALL, None)
    assert "unexpected" in caplog.text
    await eventually(lambda: not ledger.unwritable)
    assert spent_in(postgres_server, database) == {}
    await ledger.reserve("ann", NAME, CALL, None)


async def test_a_caller_who_leaves_while_it_is_booked_gets_nothing_reserved(postgres_server, database, ledger_at):
    import psycopg

    ledger = await ledger_at(postgres_server.url(database))
    with psycopg.connect(postgres_server.url(database)) as other:
        other.execute(postgresql_store._TURN.encode())
        asked = asyncio.create_task(ledger.reserve("ann", NAME, CALL, None))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    await eventually(lambda: list(spent_in(postgres_server, database).values()) == [0])


async def test_who_has_not_made_the_tables_needs_no_right_to(postgres_server, database, ledger_at):
    await ledger_at(postgres_server.url(database))
    role = f"role_{database}"
    postgres_server.execute(
        f"CREATE ROLE {role} LOGIN",
        f"GRANT USAGE ON SCHEMA llm_connect TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA llm_connect TO {role}",
        database=database,
    )
    try:
        ledger = await ledger_at(postgres_server.url(database, role))
        await ledger.reserve("ann", NAME, CALL, None)
        assert not ledger.unwritable
    finally:
        postgres_server.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}", database=database)


def test_it_works_on_the_gateway_s_event_loop(postgres_server, database):
    async def run():
        ledger = PostgresqlLedger(postgres_server.url(database), BUDGETS)
        await ledger.open()
        await ledger.reserve("ann", NAME, CALL, None)
        await ledger.close()

    uvloop.run(run())
    assert len(spent_in(postgres_server, database)) == 1
    assert postgres_server.execute("SELECT count(*) FROM llm_connect.booker", database=database) == [(0,)]


# -- the program -----------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path, simulator, key, postgres_server, database):
    config = tmp_path / "llm-connect.toml"
    config.write_text('[[budgets]]\nperiod = "total"\ntokens = 100000000\n')
    return {
        "OPENROUTER_API_KEY": key,
        "LLM_CONNECT_OPENROUTER_BASE_URL": simulator,
        "LLM_CONNECT_CONFIG": str(config),
        "LLM_CONNECT_AUDIT_FILE": str(tmp_path / "audit.jsonl"),
        LEDGER: postgres_server.url(database),
    }


def test_after_kill_9_of_one_of_two_gateways_the_other_knows_what_it_spent(
    program, call, environment, tmp_path, stored
):
    audits = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    answered = []

    def load(url):
        while not stop.is_set():
            try:
                reply = call("POST", f"{url}/execute", {"prompt": "hello"})
            except OSError:
                return
            if reply.status == 200:
                answered.append(reply.json["usage"]["total_tokens"])

    one, two = (
        program("serve", "--port", "0", environment=environment | {"LLM_CONNECT_AUDIT_FILE": str(audit)})
        for audit in audits
    )
    with one as first, two as second:
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(each.url,)) for each in (first, second) for _ in range(4)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(answered) <= 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        reply = call("POST", f"{second.url}/execute", {"prompt": "hello"})
        stop.set()
        for thread in threads:
            thread.join()
    assert reply.status == 200
    answered.append(reply.json["usage"]["total_tokens"])
    lines = [json.loads(line) for audit in audits for line in audit.read_text().splitlines()]
    begun = sum(line["event"] == "call.begin" for line in lines)
    spent = stored()["all|all|total|ever"]
    assert sum(answered) <= spent <= begun * 8300  # what was answered just before the kill may not be settled
    assert len(answered) > 20


@pytest.fixture
def by_password(postgres_server, database):
    """A role that has to bring the password that it is called with; answers its URL."""
    role = f"role_{database}"

    def make(password):
        postgres_server.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{password}' IN ROLE by_password",
            f"GRANT CREATE ON DATABASE {database} TO {role}",
        )
        return postgres_server.url(database, role)

    yield make
    postgres_server.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}", database=database)


@pytest.mark.parametrize("right", [True, False])
def test_the_password_is_shown_nowhere(program, call, environment, by_password, right):
    given = environment | {LEDGER: by_password(CANARY if right else "another"), "PGPASSWORD": CANARY}
    with program("serve", "--port", "0", "--log-level", "debug", environment=given) as process:
        replies = [call("POST", f"{process.url}/execute", {"prompt": "hello"})]
        replies += [call("GET", f"{process.url}/{path}") for path in ("ready", "metrics", "health")]
        process.terminate()
        shown = [*process.communicate(timeout=10), *(each.octets.decode() for each in replies)]
    assert [each.status for each in replies] == ([200] * 4 if right else [503, 503, 200, 200])
    if not right:
        assert replies[0].json["type"] == replies[1].json["type"] == "budget_unwritable"
        assert "password authentication failed" in shown[1]
    shown.append(Path(environment["LLM_CONNECT_AUDIT_FILE"]).read_text())
    assert all(CANARY not in each and CANARY[7:] not in each for each in shown)


# -- the setting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"postgresql://me:{CANARY}@db/x", "has a password in it"),
        (f"postgresql://me@db/x?password={CANARY}", "has a password in it"),
        (f"postgresql://me@db/x?{CANARY}", "cannot be read"),
        (f"mysql://{CANARY}@db/x", "is not a URL of PostgreSQL"),
        (f"host=db password={CANARY}", "is not a URL of PostgreSQL"),
    ],
)
def test_a_url_that_cannot_be_used_is_reported_without_it(url, problem):
    with pytest.raises(ConfigurationError) as caught:
        load_settings({LEDGER: url})
    (fault,) = caught.value.faults
    assert fault.field == LEDGER
    assert problem in fault.problem
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "environ", "mode"),
    [
        ("postgresql://me@db.example/x", {}, "verify-full"),
        ("postgresql:///x", {"PGHOST": "db.example"}, "verify-full"),
        ("postgresql:///x?service=ledger", {}, "verify-full"),
        ("postgresql://me@127.0.0.1,db.example/x", {}, "verify-full"),
        ("postgresql://me@db.example/x?sslmode=require", {}, None),
        ("postgresql://me@localhost/x", {}, None),
        ("postgresql:///x?host=/run/postgresql", {}, None),
    ],
)
def test_a_server_elsewhere_has_to_prove_its_name(url, environ, mode):
    assert ledger_faults(url) == []
    assert parameters(url, environ).get("sslmode") == mode


def test_who_does_not_choose_it_does_not_load_it(environment, tmp_path):
    settings = {**environment, "LLM_CONNECT_STATE": str(tmp_path)}
    del settings[LEDGER]
    code = f"""
import sys
from llm_connect.config.settings import load_settings
from llm_connect.web.app import Gateway
Gateway(load_settings({settings!r}))
print([each for each in sys.modules if each.startswith("psycopg")])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=30, capture_output=True, text=True)
    assert done.stdout == "[]\n"
