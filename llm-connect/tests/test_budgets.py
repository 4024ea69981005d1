"""Budgets: reserved before, settled after, kept where nobody knows; never over, also across kill -9 and a full disk."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from llm_connect.accounts import declared as declared_module
from llm_connect.accounts import ledger as ledger_module
from llm_connect.accounts.batch_writer import BatchWriter, CancelledAfterWrite, WriteFailed
from llm_connect.accounts.budgets import Amount
from llm_connect.accounts.ledger import Ledger
from llm_connect.accounts.postgresql_ledger import PostgresqlLedger
from llm_connect.calls.completion import usage_of
from llm_connect.common.errors import ConfigurationError, OverBudget
from llm_connect.common.prices import Prices
from llm_connect.config.model import Budget
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.providers.port import Call

NAME = CUSTODIAN_TRIAGE.name
CALL = Call("m", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100})
PRICES = Prices(1.0, 10.0)
USAGE = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10, "cost": None}


@pytest.fixture
async def sqlite_ledger_of(tmp_path):
    opened = []

    def open_ledger(*budgets):
        opened.append(Ledger(str(tmp_path), budgets))
        return opened[-1]

    yield open_ledger
    for each in opened:
        await each.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def ledger_of(request, tmp_path):
    """What every ledger does, whatever keeps it."""
    opened = []
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_database")()
        url = request.getfixturevalue("postgres_server").url(database)

    def open_ledger(*budgets):
        if request.param == "sqlite":
            ledger = Ledger(str(tmp_path), budgets)
            opened.append((ledger, None))
        else:
            ledger = PostgresqlLedger(url, budgets)
            opened.append((ledger, asyncio.create_task(ledger.open())))
        return ledger

    yield open_ledger
    for ledger, opening in opened:
        if opening:
            await opening
        await ledger.close()


@pytest.mark.parametrize("why", ["_CHECKPOINT_SECONDS", "_CHECKPOINT_WRITES", None])
async def test_what_was_written_is_moved_to_the_disk_after_a_time_or_a_number_of_writes(
    sqlite_ledger_of, tmp_path, monkeypatch, why
):
    monkeypatch.setattr(ledger_module, "_CHECK_SECONDS", 0.02)
    if why:
        monkeypatch.setattr(ledger_module, why, 0.1 if why == "_CHECKPOINT_SECONDS" else 1)
    ledger = sqlite_ledger_of(Budget("day", tokens=1000))
    await ledger.open()
    await ledger.reserve("ann", NAME, CALL, None)
    database = tmp_path / "copy.sqlite"  # without the log beside it
    end = time.monotonic() + (30 if why else 0.5)
    while not (moved := has_accounts(database, tmp_path / "ledger.sqlite")) and time.monotonic() < end:  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(0.05)
    assert moved == bool(why)


def has_accounts(copy, ledger):
    copy.write_bytes(ledger.read_bytes())
    with closing(sqlite3.connect(copy)) as database, suppress(sqlite3.DatabaseError):  # copied while it was written
        return database.execute("SELECT name FROM sqlite_schema WHERE name = 'account'").fetchone() is not None
    return False


def spent_of(directory):
    with sqlite3.connect(directory / "ledger.sqlite") as database:
        rows = database.execute("SELECT name, tokens, nano_usd FROM account").fetchall()
    return {name.split("|")[0] + "/" + name.split("|")[1]: (tokens, nano) for name, tokens, nano in rows}


async def test_a_bound_is_reserved_and_usage_takes_its_place(ledger_of):
    ledger = ledger_of(Budget("day", tokens=1000))
    reservation = await ledger.reserve("ann", NAME, CALL, PRICES)
    assert reservation.amount.tokens > 100 + len("hello")
    ledger.settle(reservation, USAGE, PRICES)
    ledger.settle(reservation, USAGE, PRICES)
    assert list(ledger.spent.values()) == [Amount(10, 73_000)]


async def test_usage_above_the_bound_is_counted_and_logged(ledger_of, caplog):
    ledger = ledger_of(Budget("day", tokens=1000))
    reservation = await ledger.reserve("ann", NAME, CALL, None)
    ledger.settle(reservation, {**USAGE, "prompt_tokens": 900, "total_tokens": 907}, None)
    assert list(ledger.spent.values()) == [Amount(907, 0)]
    (logged,) = [record for record in caplog.records if record.getMessage() == "usage exceeds its upper bound"]
    assert logged.fields["used"]["tokens"] == 907 > logged.fields["bound"]["tokens"]
    with pytest.raises(OverBudget):
        await ledger.reserve("ann", NAME, CALL, None)


@pytest.mark.parametrize("usage", [{"prompt_tokens": None, "completion_tokens": 7}, {}])
async def test_unknown_usage_keeps_the_reservation(ledger_of, usage):
    ledger = ledger_of(Budget("day", tokens=1000))
    reservation = await ledger.reserve("ann", NAME, CALL, None)
    bound = reservation.amount
    ledger.settle(reservation, usage, None)
    assert list(ledger.spent.values()) == [bound] != [Amount()]


ABSURD = {
    "tokens": {"prompt_tokens": 10**19, "completion_tokens": 7},
    "digits": {"prompt_tokens": 10**400, "completion_tokens": 7},
    "cost": {**USAGE, "cost": 1e308},
    "digits of the cost": {**USAGE, "cost": 10**400},
    "no number": {**USAGE, "cost": float("nan")},
}


@pytest.mark.parametrize("name", ABSURD)
async def test_a_usage_that_no_call_can_have_is_none_and_stops_nobody(ledger_of, name):
    ledger = ledger_of(Budget("day", tokens=1000, usd=1000.0))
    reservation = await ledger.reserve("ann", NAME, CALL, PRICES)
    ledger.settle(reservation, usage_of(ABSURD[name]), PRICES)
    another = await ledger.reserve("ann", NAME, CALL, PRICES)
    assert another.amount.tokens > 0
    assert max(each.tokens for each in ledger.spent.values()) < 1000


@pytest.fixture
def never_by_itself(monkeypatch):
    """What somebody waits for, after a first write, is written when the test says so."""
    monkeypatch.setattr("llm_connect.accounts.batch_writer.BatchWriter._plan", lambda _self: None)


@pytest.mark.usefixtures("never_by_itself")
async def test_a_number_that_the_database_does_not_hold_is_reported_to_everybody_who_waits():
    def write(batch):
        if max(batch) > 9:
            raise OverflowError("too large")
        written.extend(batch)

    written = []
    writer = BatchWriter("ledger", write)
    waiting = asyncio.gather(writer.put(2), writer.put(10), return_exceptions=True)
    await asyncio.sleep(0)
    writer.flush()
    async with asyncio.timeout(10):
        assert [type(each) for each in await waiting] == [WriteFailed, WriteFailed]
    writer.put_soon(3)
    writer.flush()
    assert written == [3]


@pytest.mark.usefixtures("never_by_itself")
async def test_what_somebody_waited_for_who_left_is_not_written():
    batches = []
    writer = BatchWriter("audit", batches.append)
    waiting = [asyncio.create_task(writer.put(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    writer.flush()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [asyncio.CancelledError, type(None)]
    assert batches == [[3]]


@pytest.mark.usefixtures("never_by_itself")
async def test_who_left_in_the_moment_of_the_writing_is_reported_that_it_was_written():
    batches = []
    writer = BatchWriter("audit", batches.append)
    waiting = asyncio.create_task(writer.put(2))
    await asyncio.sleep(0)
    writer.flush()
    waiting.cancel()  # before it hears of it
    with pytest.raises(CancelledAfterWrite):
        await waiting
    assert batches == [[2]]


@pytest.mark.usefixtures("never_by_itself")
@pytest.mark.parametrize("written", [False, True])
async def test_a_reservation_whose_caller_left_before_the_call_is_given_back(sqlite_ledger_of, tmp_path, written):
    ledger = sqlite_ledger_of(Budget("day", tokens=1000))
    reserving = asyncio.create_task(ledger.reserve("ann", NAME, CALL, None))
    await asyncio.sleep(0)
    ledger._writer.flush()
    first = await reserving
    leaving = asyncio.create_task(ledger.reserve("ann", NAME, CALL, None))
    await asyncio.sleep(0)
    assert ledger.spent.popitem()[1].tokens == 2 * first.amount.tokens
    if written:
        ledger._writer.flush()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert ledger.spent.popitem()[1] == first.amount
    ledger._writer.flush()
    assert spent_of(tmp_path) == {"all/all": (first.amount.tokens, 0)}


@pytest.mark.parametrize(("prices", "logged"), [(None, False), (Prices(0, 0), True)])
async def test_a_cost_is_beyond_a_bound_in_money_only_where_there_is_one(ledger_of, caplog, prices, logged):
    """Without prices there is none, and OpenRouter tells the cost of each call."""
    ledger = ledger_of(Budget("day", tokens=1000))
    reservation = await ledger.reserve("ann", NAME, CALL, prices)
    ledger.settle(reservation, USAGE | {"cost": 0.5}, prices)
    assert ("usage exceeds its upper bound" in caplog.text) is logged


async def test_what_is_kept_is_not_tried_again_for_each_that_comes():
    """It may be much, and every request would wait for it while the disk is full."""

    def write(batch):
        sizes.append(len(batch))
        if full:
            raise OSError(28, "No space left on device")
        written.set()

    sizes, full, written = [], True, asyncio.Event()
    writer = BatchWriter("audit", write)
    for item in range(1000):
        writer.put_soon(item)
    writer.flush()
    for _ in range(100):
        with pytest.raises(WriteFailed, match="No space left"):
            await writer.put(1)
    assert sizes == [1000]
    assert writer.unwritable
    full = False
    async with asyncio.timeout(10):  # it is tried again by itself
        await written.wait()
    await writer.put(1)
    assert sizes[1:] == [1000, 1]


async def test_a_batch_that_the_database_does_not_hold_leaves_no_transaction_behind(sqlite_ledger_of, tmp_path):
    ledger = sqlite_ledger_of(Budget("day", tokens=1000))
    with pytest.raises(OverflowError):
        ledger._write([(("one|all|day|", "two|all|day|"), Amount(10**19, 0))])
    ledger._write([(("one|all|day|", "two|all|day|"), Amount(5, 0))])
    assert spent_of(tmp_path) == {"one/all": (5, 0), "two/all": (5, 0)}


async def test_released_is_as_if_never_taken(ledger_of):
    ledger = ledger_of(Budget("day", tokens=1000))
    ledger.release(await ledger.reserve("ann", NAME, CALL, None))
    assert list(ledger.spent.values()) == [Amount()]


async def test_never_over_however_many_ask_at_once(ledger_of):
    ledger = ledger_of(Budget("day", tokens=1000))
    asked = [ledger.reserve("ann", NAME, CALL, None) for _ in range(50)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    taken = [each for each in found if not isinstance(each, Exception)]
    assert 1 <= len(taken) < 50
    assert sum(each.amount.tokens for each in taken) <= 1000
    assert {type(each) for each in found if isinstance(each, Exception)} == {OverBudget}


async def test_each_caller_for_itself_or_all_together(ledger_of):
    ledger = ledger_of(Budget("day", caller="*", tokens=300), Budget("month", tokens=500))
    await ledger.reserve("ann", NAME, CALL, None)
    await ledger.reserve("bob", NAME, CALL, None)
    with pytest.raises(OverBudget) as caught:
        await ledger.reserve("ann", NAME, CALL, None)
    assert "all|ann|day" in caught.value.message
    with pytest.raises(OverBudget) as caught:
        await ledger.reserve("eve", NAME, CALL, None)
    assert "all|all|month" in caught.value.message
    assert int(caught.value.retry_after) <= 31 * 86400


@pytest.mark.parametrize(
    ("third", "after"),
    [
        (Budget("total", tokens=1000), "20"),
        (Budget("total", tokens=300), None),
        (Budget("day", caller="ann", tokens=100), None),
        (Budget("day", caller="ann", usd=0.0001), None),
    ],
    ids=["has room", "never begins anew", "never has room", "never has money enough"],
)
async def test_all_that_refuse_a_call_are_reported_and_the_last_says_when_to_come_again(
    ledger_of, monkeypatch, third, after
):
    """A day that begins anew is of no use where the month does not."""
    monkeypatch.setattr(declared_module, "_seconds_to_next", {"day": 10, "month": 20, "total": None}.get)
    ledger = ledger_of(Budget("day", tokens=300), Budget("month", tokens=300), third)
    await ledger.reserve("eve", NAME, CALL, PRICES)
    with pytest.raises(OverBudget) as caught:
        await ledger.reserve("ann", NAME, CALL, PRICES)
    assert caught.value.retry_after == after
    assert "the budget all|all|day" in caught.value.message
    assert "the budget all|all|month" in caught.value.message


async def test_what_is_named_all_is_not_all_together(ledger_of):
    ledger = ledger_of(Budget("day", tokens=10_000), Budget("day", profile="all", tokens=300))
    for _ in range(5):
        await ledger.reserve("ann", NAME, CALL, None)
    await ledger.reserve("all", "all", CALL, None)
    named = {name.rpartition("|")[0]: amount.tokens for name, amount in ledger.spent.items()}
    assert named["all|all|day"] == 6 * named['"all"|all|day']


async def test_the_next_day_begins_at_zero_and_only_it_is_reported(ledger_of, monkeypatch):
    """Else each day would leave a series in `/metrics`, for ever."""
    ledger = ledger_of(Budget("day", tokens=300), Budget("total", tokens=1000))
    monkeypatch.setattr(declared_module, "utc_now", lambda: "2026-11-24T23:59:59.999+00:00")
    late = await ledger.reserve("ann", NAME, CALL, None)
    with pytest.raises(OverBudget):
        await ledger.reserve("ann", NAME, CALL, None)
    monkeypatch.setattr(declared_module, "utc_now", lambda: "2026-11-25T00:00:00.000+00:00")
    ledger.settle(late, USAGE, None)  # it counts in the day in which it began
    bound = (await ledger.reserve("ann", NAME, CALL, None)).amount.tokens
    logged = {name: amount.tokens for name, amount in ledger.spent.items()}
    assert logged == {"all|all|day|2026-11-25": bound, "all|all|total|ever": bound + 10}
    monkeypatch.setattr(declared_module, "utc_now", lambda: "2026-11-24T23:59:59.999+00:00")
    with pytest.raises(OverBudget, match="of 290 left"):
        await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | {"max_tokens": 290}), None)


async def test_a_model_without_a_price_is_refused_under_a_money_budget(ledger_of):
    ledger = ledger_of(Budget("day", usd=1.0))
    with pytest.raises(OverBudget) as caught:
        await ledger.reserve("ann", NAME, CALL, None)
    assert caught.value.type == "model_unpriced"
    assert (await ledger.reserve("ann", NAME, CALL, PRICES)).amount.nano_usd > 1_000_000


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": ["text"]}]}]}, "messages[0].content"),
        ({"tools": [{"type": {}}]}, "tools[0].type"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tools": [{"type": "function"}, {"type": "openrouter:web_search"}]}, "tools[1].type"),
    ],
)
@pytest.mark.parametrize("budget", [Budget("day", usd=1.0), Budget("day", tokens=100_000)], ids=["money", "tokens"])
async def test_what_has_no_bound_is_refused_by_name(ledger_of, fields, named, budget):
    assert await _refused(ledger_of(budget), fields) == [named]


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"service_tier": "priority"}, "service_tier"), ({"modalities": ["text", "audio"]}, "modalities")],
)
async def test_what_is_not_paid_by_the_declared_prices_is_refused_under_a_money_budget(ledger_of, fields, named):
    assert await _refused(ledger_of(Budget("day", usd=1.0)), fields) == [named]


@pytest.mark.parametrize(
    "fields", [{"service_tier": "flex"}, {"modalities": ["text"]}, {"tools": [{"type": "function"}]}]
)
async def test_what_is_paid_by_them_is_not(ledger_of, fields):
    ledger = ledger_of(Budget("day", usd=1.0))
    assert (await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | fields), PRICES)).amount.nano_usd


async def _refused(ledger, fields):
    """The names of the fields that a call is refused for."""
    from llm_connect.common.errors import BadRequest

    with pytest.raises(BadRequest) as caught:
        await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | fields), PRICES)
    return [fault.field for fault in caught.value.faults]


async def test_the_bound_grows_with_choices_and_bytes(ledger_of):
    ledger = ledger_of(Budget("total", tokens=100_000))
    one = await ledger.reserve("ann", NAME, CALL, None)
    three = await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | {"n": 3}), None)
    assert three.amount.tokens >= one.amount.tokens + 200
    text = [{"role": "user", "content": "ü" * 100}]
    bytes_ = await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | {"messages": text}), None)
    assert bytes_.amount.tokens >= 300


@pytest.mark.parametrize(
    ("fields", "largest"),
    [({"max_completion_tokens": 1500}, 1500), ({"max_tokens": 900, "max_completion_tokens": 1}, 900)],
)
async def test_of_two_limits_of_the_answer_the_larger_one_is_the_bound(ledger_of, fields, largest):
    """Which of them a provider heeds is its business."""
    ledger = ledger_of(Budget("total", tokens=100_000))
    reservation = await ledger.reserve("ann", NAME, changed(CALL, fields=CALL.fields | fields), None)
    assert reservation.amount.tokens > largest


async def test_two_gateways_cannot_have_one_ledger(sqlite_ledger_of, tmp_path):
    sqlite_ledger_of(Budget("day", tokens=1))
    with pytest.raises(ConfigurationError, match="another gateway"):
        Ledger(str(tmp_path), [Budget("day", tokens=1)])


def test_over_http_it_is_402_and_nothing_is_called(simulator, gateway_to, call, tmp_path):
    budgets = (Budget("day", tokens=9000),)
    with gateway_to(simulator, budgets=budgets, state=str(tmp_path)) as url:
        first = call("POST", f"{url}/execute", {"prompt": "hello"})
        second = call("POST", f"{url}/execute", {"prompt": "hello"})
        third = call("POST", f"{url}/execute", {"prompt": "hello", "config": {"max_tokens": 100}})
    assert (first.status, second.status, third.status) == (200, 402, 200)
    assert (second.json["type"], second.headers["x-should-retry"]) == ("budget_exhausted", "false")
    assert spent_of(tmp_path)["all/all"][0] == first.json["usage"]["total_tokens"] + third.json["usage"]["total_tokens"]


@pytest.mark.parametrize(("failure", "kept"), [("429", False), ("400", False), ("reset", True), ("500", True)])
def test_only_what_certainly_did_nothing_gives_its_bound_back(simulator, gateway_to, call, tmp_path, *, failure, kept):
    profile = replace(CUSTODIAN_TRIAGE, model=f"simulate/{failure}", retries=0)
    with gateway_to(simulator, {NAME: profile}, budgets=(Budget("day", tokens=9000),), state=str(tmp_path)) as url:
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).status != 200
    assert (spent_of(tmp_path)["all/all"][0] > 8000) is kept


@pytest.mark.parametrize(("model", "least"), [("stream-cut", 8000), ("stream-slow", 1)])
def test_a_cut_stream_keeps_its_bound_and_a_whole_one_pays_what_it_used(
    simulator, gateway_to, call, tmp_path, *, model, least
):
    profile = replace(CUSTODIAN_TRIAGE, model=f"simulate/{model}")
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": True}
    with gateway_to(simulator, {NAME: profile}, budgets=(Budget("day", tokens=9000),), state=str(tmp_path)) as url:
        call("POST", f"{url}/v1/chat/completions", body)
    assert (spent_of(tmp_path)["all/all"][0] >= 8000) is (least == 8000)


CONFIG = """
[[budgets]]
period = "total"
tokens = 100000000
"""


@pytest.fixture
def budgeted(tmp_path, simulator, key):
    config = tmp_path / "llm-connect.toml"
    config.write_text(CONFIG)
    state = tmp_path / "state"
    return state, {
        "OPENROUTER_API_KEY": key,
        "LLM_CONNECT_OPENROUTER_BASE_URL": simulator,
        "LLM_CONNECT_CONFIG": str(tmp_path),
        "LLM_CONNECT_STATE": str(state),
    }


def test_after_kill_9_under_load_nothing_that_was_called_is_forgotten(program, call, budgeted, tmp_path):
    """Each answer that arrived is in the ledger, and each call under way with its whole bound."""
    state, environment = budgeted
    audit = tmp_path / "audit.jsonl"
    answered = []
    with program("serve", "--port", "0", environment=environment | {"LLM_CONNECT_AUDIT_FILE": str(audit)}) as process:
        stop = threading.Event()

        def load():
            while not stop.is_set():
                try:
                    reply = call("POST", f"{process.url}/execute", {"prompt": "hello"})
                except OSError:
                    return
                answered.append(reply.json["usage"]["total_tokens"])

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(answered) <= 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    begun = sum(line["event"] == "call.begin" for line in lines)
    spent = spent_of(state)["all/all"][0]
    assert len(answered) > 20
    assert sum(answered) <= spent <= begun * 8200
    with program("serve", "--port", "0", environment=environment) as process:  # the lock was the dead process's
        reply = call("POST", f"{process.url}/execute", {"prompt": "hello"})
        assert reply.status == 200
    assert spent_of(state)["all/all"][0] == spent + reply.json["usage"]["total_tokens"]


@pytest.fixture
def on_a_disk(program, budgeted):
    """A gateway with budgets, and what fills its disk (True) or makes room there."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))

    with program("serve", "--port", "0", environment=budgeted[1], preexec_fn=small_files) as process:

        def fill(full):
            limit = 1 if full else 256 * 1024
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        yield process.url, fill


def test_with_a_full_disk_nothing_is_called_and_afterwards_it_goes_on(on_a_disk, call, budgeted):
    url, fill = f"{on_a_disk[0]}/execute", on_a_disk[1]
    first = call("POST", url, {"prompt": "hello"})
    fill(True)
    full = call("POST", url, {"prompt": "hello"})
    assert (full.status, full.json["type"]) == (503, "budget_unwritable")
    fill(False)
    deadline = time.monotonic() + 30
    while (again := call("POST", url, {"prompt": "hello"})).status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert again.status == 200
    wanted = first.json["usage"]["total_tokens"] + again.json["usage"]["total_tokens"]
    assert settled(budgeted[0], wanted) == wanted


def settled(state, tokens):
    """What is spent, as soon as it is that much; settling follows the answer."""
    end = time.monotonic() + 30
    while (spent := spent_of(state)["all/all"][0]) != tokens and time.monotonic() < end:
        time.sleep(0.05)
    return spent


def test_readiness_tells_of_a_ledger_that_cannot_be_written_and_comes_back_without_a_call(on_a_disk, call, budgeted):
    (url, fill), (state, _) = on_a_disk, budgeted
    spent = call("POST", f"{url}/execute", {"prompt": "hello"}).json["usage"]["total_tokens"]
    settled(state, spent)  # nothing is left to be written, so that nothing but the refused calls is tried again
    fill(True)
    for _ in range(3):
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).json["type"] == "budget_unwritable"
    time.sleep(1.2)  # the write is tried again meanwhile, twice
    full = call("GET", f"{url}/ready")
    assert (full.status, full.json["type"]) == (503, "budget_unwritable")
    fill(False)
    end = time.monotonic() + 30
    while (again := call("GET", f"{url}/ready")).status != 200 and time.monotonic() < end:
        time.sleep(0.05)
    assert again.status == 200
    assert spent_of(state)["all/all"][0] == spent


@pytest.mark.parametrize("place", ["nowhere/state", "a file/state"])
def test_a_directory_that_is_mistyped_begins_no_budget_at_zero(run, tmp_path, key, place):
    (tmp_path / "a file").write_text("")
    config = tmp_path / "llm-connect.toml"
    config.write_text('[[budgets]]\nperiod = "day"\ntokens = 10\n')
    environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_STATE": str(tmp_path / place)}
    found = run("serve", "--port", "0", "--config", str(config), environment=environment)
    assert (found.returncode, found.stdout) == (2, "")
    assert "LLM_CONNECT_STATE" in found.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("what", ["no database", "another table"])
def test_a_ledger_that_cannot_be_read_is_reported_at_start(run, tmp_path, key, what):
    if what == "no database":
        (tmp_path / "ledger.sqlite").write_bytes(b"x" * 8192)
    else:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as database:
            database.execute("CREATE TABLE account (other)")
    config = tmp_path / "llm-connect.toml"
    config.write_text(CONFIG)
    environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_STATE": str(tmp_path)}
    found = run("serve", "--port", "0", "--config", str(config), environment=environment)
    assert (found.returncode, found.stdout) == (2, "")
    assert "LLM_CONNECT_STATE: ledger.sqlite in" in found.stderr
    assert "Traceback" not in found.stderr


async def test_what_is_kept_is_for_its_owner_only(sqlite_ledger_of, tmp_path):
    ledger = sqlite_ledger_of(Budget("day", tokens=1000))
    await ledger.open()
    files = list(tmp_path.glob("ledger*"))
    assert len(files) > 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
