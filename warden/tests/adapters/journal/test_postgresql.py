"""The journal in PostgreSQL: nothing is lost and nothing doubled, whatever becomes of connections and servers."""

import gc
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
import weakref

import msgspec
import psycopg
import pytest
import trustme
from free_ports import refusing_port
from postgres_proxy import postgres_proxy
from postgres_server import served_postgres, standby_of

from warden.adapters.journal import postgresql, postgresql_connection
from warden.adapters.journal.postgresql import PostgresJournal
from warden.adapters.journal.postgresql_connection import is_verified, parameters
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.errors import DoneBefore, Effect, JournalUnwritable

PLANTED = "planted-hunter2-planted"


@pytest.fixture
def database(postgres_server, postgres_database):
    """The URL of a database with an empty journal."""
    url = postgres_server.url(postgres_database())
    made = PostgresJournal(url)
    assert made.make()
    return url


@pytest.fixture
def journal(database):
    return PostgresJournal(database, actor="alice")


def sql(url, statement):
    with psycopg.connect(url, autocommit=True) as db:
        found = db.execute(statement)
        return found.fetchall() if found.description else []


def problem(act, *arguments, **options):
    with pytest.raises(JournalUnwritable) as fault:
        act(*arguments, **options)
    return fault.value.problem


# -- its table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE warden.journal SET lane = 'b'",
        "DELETE FROM warden.journal",
        "TRUNCATE warden.journal",
        "INSERT INTO warden.journal VALUES (3, '', '', '', '', '', '')",
        "INSERT INTO warden.journal VALUES (1, '', '', '', '', '', '') ON CONFLICT DO NOTHING",
        "INSERT INTO warden.journal VALUES (NULL, '', '', '', '', '', '')",
    ],
)
def test_records_are_only_added_and_in_order(journal, database, statement):
    journal.record("probe", "a", {})
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        sql(database, statement)
    assert journal.verify().breaks == ()


@pytest.mark.parametrize(
    "tampering",
    [
        "DROP TRIGGER journal_next ON warden.journal",
        "ALTER TABLE warden.journal DISABLE TRIGGER journal_no_change",
        "CREATE OR REPLACE FUNCTION warden.journal_in_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "ALTER TABLE warden.journal ENABLE ROW LEVEL SECURITY",
        "CREATE RULE quiet AS ON INSERT TO warden.journal DO INSTEAD NOTHING",
        "CREATE TRIGGER another BEFORE INSERT ON warden.journal EXECUTE FUNCTION warden.journal_append_only()",
    ],
)
def test_a_table_that_is_not_built_so_proves_nothing(journal, database, tampering):
    journal.record("probe", "a", {})
    assert journal.verify().breaks == ()
    sql(database, tampering)
    assert "is not built as warden builds it" in problem(journal.verify)


def test_it_is_made_once_and_never_by_itself(postgres_server, postgres_database):
    url = postgres_server.url(postgres_database())
    for act in (lambda j: j.record("a", "b", {}), lambda j: j.states(), lambda j: j.verify()):
        assert "has no journal yet" in problem(act, PostgresJournal(url))
    assert PostgresJournal(url).make()
    PostgresJournal(url).record("probe", "a", {})
    assert not PostgresJournal(url).make()
    assert PostgresJournal(url).head().seq == 1
    sql(url, "UPDATE warden.journal_format SET format = 2")
    assert "has format 2, and this warden reads format 1" in problem(PostgresJournal(url).states)
    assert "has format 2" in problem(PostgresJournal(url).make)


def test_a_writer_may_read_and_add_and_no_more(postgres_server, database, unique):
    role = unique("writer")
    sql(database, f'CREATE ROLE "{role}" LOGIN')
    url = database.replace("//postgres@", f"//{role}@")
    assert "is not open to this role" in problem(PostgresJournal(url).record, "probe", "a", {})
    PostgresJournal(database).make([role])
    writer = PostgresJournal(url)
    assert writer.record("probe", "a", {}) == 1
    assert writer.verify().breaks == ()
    for statement in (
        "UPDATE warden.journal SET lane = ''",
        "DELETE FROM warden.journal",
        "TRUNCATE warden.journal",
        "ALTER TABLE warden.journal DISABLE TRIGGER ALL",
        "DROP TABLE warden.journal",
        "CREATE TABLE warden.mine (n int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql(url, statement)
    assert not postgresql.expect_writer(url)
    assert postgresql.expect_writer(database)
    sql(database, f'REVOKE ALL ON warden.journal FROM "{role}"; REVOKE ALL ON warden.journal_format FROM "{role}"')
    sql(database, f'REVOKE ALL ON SCHEMA warden FROM "{role}"; DROP ROLE "{role}"')


def test_a_role_that_owns_nothing_cannot_make_it(postgres_server, postgres_database, unique):
    url, role = postgres_server.url(postgres_database()), unique("nobody")
    sql(url, f'CREATE ROLE "{role}" LOGIN')
    assert "cannot be made by this role" in problem(PostgresJournal(url.replace("//postgres@", f"//{role}@")).make)
    sql(url, f'DROP ROLE "{role}"')


def test_a_role_that_may_only_read_is_told_so(postgres_server, database, unique):
    role = unique("reader")
    sql(database, f'CREATE ROLE "{role}" LOGIN; GRANT USAGE ON SCHEMA warden TO "{role}"')
    sql(database, f'GRANT SELECT ON ALL TABLES IN SCHEMA warden TO "{role}"')
    url = database.replace("//postgres@", f"//{role}@")
    assert PostgresJournal(url).log() == []
    assert "is not open to this role" in problem(PostgresJournal(url).record, "probe", "a", {})
    assert "is not open to this role" in problem(postgresql.expect_writer, url)
    sql(database, f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_nobody_elses_table_stands_for_the_journal(journal, database):
    sql(database, "CREATE TABLE public.journal (LIKE warden.journal)")
    journal.record("probe", "a", {})
    assert sql(database, "SELECT count(*) FROM public.journal") == [(0,)]


def test_a_body_that_names_u_0000_does_not_hide_a_closing(journal):
    journal.record("lane.closed", "a", {"reason": "seen in \x00 a log"})
    journal.record("put.begin", "a", {"path": "\x00"})
    assert journal.state("a").closed.body["reason"] == "seen in \x00 a log"
    assert len(journal.unfinished("a")) == 1
    assert journal.verify().breaks == ()


# -- several writers --------------------------------------------------------------------------------------------------

WRITER = """
import sys
from warden.adapters.journal.postgresql import PostgresJournal
url, name, count = sys.argv[1:]
journal = PostgresJournal(url, actor=name)
for number in range(int(count)):
    print(name, number, journal.record("probe", name, {"n": number}), flush=True)
"""


def writers(url, names, count, **environ):
    """Processes that write at once."""
    return {
        name: subprocess.Popen(
            [sys.executable, "-c", WRITER, url, name, str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environ,
        )
        for name in names
    }


def told(process):
    """What it was told of each record: its number."""
    out, err = process.communicate(timeout=100)
    return [int(line.split()[2]) for line in out.splitlines()], (process.returncode, err)


def expect_each_once(journal, names, count):
    chain = journal.verify()
    assert (chain.breaks, chain.records) == ((), len(names) * count)
    for name in names:
        assert [each.body["n"] for each in journal.log(lane=name)] == list(range(count))


def test_eight_processes_at_once_lose_nothing_and_double_nothing(journal, database):
    names, count = [f"w{number}" for number in range(8)], 200
    running = writers(database, names, count)
    numbers = []
    for process in running.values():
        found, ended = told(process)
        assert ended == (0, "")
        numbers += found
    assert sorted(numbers) == list(range(1, len(names) * count + 1))
    expect_each_once(journal, names, count)


def test_connections_that_are_ended_all_the_time_lose_nothing_and_double_nothing(postgres_server, journal, database):
    names, count = ["w1", "w2"], 300
    name, ended = database.rpartition("/")[2], 0
    running = writers(database, names, count)
    wait_until(lambda: len({each.lane for each in journal.log()}) == len(names))
    while any(process.poll() is None for process in running.values()):
        ended += postgres_server.end_connections(name)
        newest = journal.head().seq  # nobody gets anywhere where a connection lasts no longer than it takes to make it
        wait_until(lambda at=newest: journal.head().seq > at or None not in [each.poll() for each in running.values()])
        time.sleep(0.15)
    for process in running.values():
        numbers, outcome = told(process)
        assert outcome == (0, "")
        assert len(set(numbers)) == count
    assert ended > 2
    expect_each_once(journal, names, count)


@pytest.mark.parametrize("fault", ["before-commit", "after-commit", "late-commit"])
def test_a_commit_that_is_not_answered_is_resolved(postgres_server, journal, database, fault):
    with postgres_proxy(postgres_server.port) as proxy:
        cut = PostgresJournal(proxy.url(database.rpartition("/")[2]), actor="bob")
        cut.record("probe", "a", {"n": 1})
        proxy.fault = fault
        assert cut.record_all([("probe", "a", {"n": 2}), ("probe", "a", {"n": 3})]) == [2, 3]
        assert proxy.done == 1
        assert cut.record("probe", "a", {"n": 4}) == 4
        cut.close()
    assert [each.body["n"] for each in journal.log()] == [1, 2, 3, 4]
    assert journal.verify().breaks == ()


def test_another_writer_that_comes_in_between_is_not_taken_for_ones_own(postgres_server, journal, database):
    with postgres_proxy(postgres_server.port) as proxy:
        cut = PostgresJournal(proxy.url(database.rpartition("/")[2]), actor="bob")
        cut.record("probe", "a", {"n": 1})
        proxy.fault = "late-commit"
        other = threading.Timer(0.2, journal.record, ("probe", "a", {"n": "other"}))
        other.start()
        number = cut.record("probe", "a", {"n": 2})
        other.join()
        cut.close()
    assert {each.body["n"] for each in journal.log()} == {1, 2, "other"}
    assert journal.log()[number - 1].body["n"] == 2
    assert journal.verify().breaks == ()


def test_a_writer_that_stops_in_the_middle_holds_the_others_up_for_a_moment_only(journal, database, monkeypatch):
    monkeypatch.setattr(postgresql_connection, "_SETTINGS", re.sub("'5s'", "'300ms'", postgresql_connection._SETTINGS))
    with psycopg.connect(database) as stuck:
        stuck.execute(f"SELECT pg_advisory_xact_lock({postgresql.schema.LOCK})")
        assert "has been locked by another writer" in problem(journal.record, "probe", "a", {})
    assert journal.record("probe", "a", {}) == 1


def test_the_server_lets_go_of_a_writer_that_does_not_go_on_before_others_give_up(journal, database):
    stuck = postgresql_connection.connect(database)
    postgresql_connection.prepare(stuck)
    stuck.execute("BEGIN")
    stuck.execute(f"SELECT pg_advisory_xact_lock({postgresql.schema.LOCK})")
    assert journal.record("probe", "a", {}) == 1  # waits for the lock, and gets it
    with pytest.raises(psycopg.Error):
        stuck.execute("SELECT 1")
    stuck.close()


def test_a_commit_is_on_disk_whatever_the_servers_default_is(postgres_server, database):
    name = database.rpartition("/")[2]
    for default, kept in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = {default}")
        db = postgresql_connection.connect(database)
        postgresql_connection.prepare(db)
        assert db.execute("SHOW synchronous_commit").fetchone() == (kept,)
        db.close()


# -- a server that is not there ---------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_no_journal(postgres_server):
    with refusing_port() as port:
        url = f"postgresql://warden@127.0.0.1:{port}/warden"
        begun = time.monotonic()
        with pytest.raises(JournalUnwritable) as fault:
            PostgresJournal(url).record("access.begin", "a", {})
    assert "did not answer" in fault.value.problem
    assert fault.value.effect is Effect.NOTHING_DONE
    assert time.monotonic() - begun < postgresql.PATIENCE


def test_a_server_that_goes_in_the_middle_of_a_command_is_waited_for_a_moment(database, postgres_server, monkeypatch):
    monkeypatch.setattr(postgresql, "PATIENCE", 0.5)
    with postgres_proxy(postgres_server.port) as proxy:
        journal = PostgresJournal(proxy.url(database.rpartition("/")[2]))
        journal.record("access.begin", "a", {})
    with pytest.raises(JournalUnwritable) as fault:
        journal.record("access.handed", "a", {})
    assert fault.value.effect == DoneBefore()


def test_what_became_of_a_record_that_nobody_answers_for_is_not_known(database, postgres_server, monkeypatch):
    monkeypatch.setattr(postgresql, "PATIENCE", 0.5)
    with postgres_proxy(postgres_server.port) as proxy:
        journal = PostgresJournal(proxy.url(database.rpartition("/")[2]))
        journal.record("probe", "a", {})
        proxy.fault = "after-commit"
        proxy._listener.shutdown(socket.SHUT_RDWR)  # the connection that it has goes on
        assert "whether it has it is not known" in problem(journal.record, "probe", "a", {})


def test_a_read_outlives_a_connection_that_was_lost(journal, database, postgres_server):
    journal.record("lane.closed", "a", {"reason": "x"})
    postgres_server.end_connections(database.rpartition("/")[2])
    assert journal.state("a").closed is not None


def test_a_journal_that_is_forgotten_lets_go_of_its_connection_whichever_is_collected_first(database):
    """The collector takes the young before the old: an old journal with a young connection, and both in a cycle."""
    gc.collect()
    gc.disable()
    try:
        old = PostgresJournal(database)
        old.itself = old
        gc.collect(0)
        connection = weakref.ref(old._open())
        del old
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            gc.collect()
    finally:
        gc.enable()
    assert connection() is None
    assert [each for each in warned if "psycopg" in str(each.message)] == []


def test_ctrl_c_while_it_waits_for_its_turn_leaves_a_journal_that_can_be_used(journal, database):
    def interrupted():
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        journal.record("probe", "a", {"n": 1})

    journal.record("probe", "a", {})
    with psycopg.connect(database) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({postgresql.schema.LOCK})")
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert journal.record("probe", "a", {"n": 2}) == 2
    assert [each.body.get("n") for each in journal.log()] == [None, 2]


def test_a_server_process_that_hangs_is_given_up(journal, monkeypatch):
    for name, seconds in (("CONFIRM", 1), ("GRACE", 0.3)):
        monkeypatch.setattr(postgresql, name, seconds)
    journal.record("lane.closed", "a", {"reason": "x"})
    for ask in (lambda: journal.record("probe", "a", {}), lambda: journal.state("a").closed.body["reason"]):
        pid = journal._db.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            assert ask() in {2, "x"}
        finally:
            os.kill(pid, signal.SIGCONT)
    assert journal.verify().records == 2


# -- two servers ------------------------------------------------------------------------------------------------------


def both(one, other, database="postgres"):
    return f"postgresql://postgres@127.0.0.1:{one.port},127.0.0.1:{other.port}/{database}"


def wait_until(told_so, seconds=30):
    end = time.monotonic() + seconds
    while not told_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_primary_that_dies_while_it_is_written_to():
    """With a standby that confirms each commit nothing is lost that somebody was told; writers go on at the new one."""
    with served_postgres() as primary, standby_of(primary) as standby:
        PostgresJournal(primary.url()).make()
        primary.configure({"synchronous_standby_names": "'standby'"})
        primary.execute("SELECT pg_reload_conf()")
        wait_until(lambda: primary.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
        names, count = ["w1", "w2", "w3"], 120
        running = writers(both(primary, standby), names, count)
        journal = PostgresJournal(primary.url())
        wait_until(lambda: journal.head().seq > 60 and len({each.lane for each in journal.log()}) == len(names))
        primary.stop()
        standby.promote()
        after = PostgresJournal(both(primary, standby))
        for process in running.values():
            numbers, outcome = told(process)
            assert outcome == (0, "")
            assert len(set(numbers)) == count
        expect_each_once(after, names, count)
        assert after.head().seq == len(names) * count


def test_a_standby_is_not_believed_and_a_lost_record_is_noticed():
    """Without a standby that confirms, records that were taken can be gone: who wrote one goes no further."""
    with served_postgres() as primary, standby_of(primary) as standby:
        PostgresJournal(primary.url()).make()
        journal = PostgresJournal(both(primary, standby))
        journal.record("probe", "a", {"n": 1})
        ((written,),) = primary.execute("SELECT pg_current_wal_lsn()::text")
        wait_until(lambda: standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == [(True,)])
        assert "standby" in problem(PostgresJournal(standby.url()).states)
        assert "standby" in problem(PostgresJournal(standby.url()).record, "probe", "a", {})
        standby.stop("fast")
        journal.record("apply.begin", "a", {"n": 2})  # acknowledged, and on the primary alone
        primary.stop()
        standby.start()
        standby.promote()
        assert "does not have record 2, which it had taken" in problem(journal.record, "apply.done", "a", {})
        fresh = PostgresJournal(both(primary, standby))
        assert [each.body for each in fresh.log()] == [{"n": 1}]


def test_a_standby_that_does_not_confirm_is_no_success(monkeypatch):
    monkeypatch.setattr(postgresql, "CONFIRM", 0.5)
    with served_postgres() as alone:
        journal = PostgresJournal(alone.url())
        journal.make()
        alone.configure({"synchronous_standby_names": "'nobody'"})
        alone.execute("SELECT pg_reload_conf()")
        wait_until(lambda: alone.execute("SHOW synchronous_standby_names") == [("nobody",)])
        begun = time.monotonic()
        assert "its standby did not confirm it" in problem(journal.record, "probe", "a", {})
        assert 0.4 < time.monotonic() - begun < 10
        assert journal.head().seq == 1


# -- who it is, and passwords -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "environ", "mode"),
    [
        ("postgresql:///warden", {}, None),
        ("postgresql://localhost/warden", {}, None),
        ("postgresql://127.0.0.1,[::1]/warden", {}, None),
        ("postgresql:///warden?host=/run/postgresql", {}, None),
        ("postgresql://db.example/warden", {}, "verify-full"),
        ("postgresql://localhost,db.example/warden", {}, "verify-full"),
        ("postgresql://127.evil.example/warden", {}, "verify-full"),
        ("postgresql://localhost.evil.example/warden", {}, "verify-full"),
        ("postgresql://localhost/warden?hostaddr=192.0.2.7", {}, "verify-full"),
        ("postgresql:///warden", {"PGHOST": "db.example"}, "verify-full"),
        ("postgresql:///warden", {"PGHOSTADDR": "192.0.2.7"}, "verify-full"),
        ("postgresql:///?service=warden", {}, "verify-full"),
        ("postgresql:///warden", {"PGSERVICE": "warden"}, "verify-full"),
        ("postgresql://db.example/warden", {"PGSSLMODE": "disable"}, "verify-full"),
        ("postgresql://db.example/warden?sslmode=require", {}, None),
    ],
)
def test_a_server_elsewhere_has_to_prove_who_it_is(url, environ, mode):
    added = parameters(url, environ)
    assert added.get("sslmode") == mode
    assert added["target_session_attrs"] == "read-write"
    assert is_verified(url, environ) is ("sslmode=require" not in url)


def test_only_a_server_that_takes_writes_is_asked_whatever_the_url_says():
    assert parameters("postgresql://a/b?target_session_attrs=any", {})["target_session_attrs"] == "read-write"
    assert parameters("postgresql://a/b?target_session_attrs=primary", {})["target_session_attrs"] == "primary"


def test_another_server_in_its_place_is_not_believed(postgres_server, database, tmp_path):
    authority, name = trustme.CA(), database.rpartition("/")[2]
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for certified, works in (("db.example", True), ("other.example", False)):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(certified).configure_cert(tls)
        with postgres_proxy(postgres_server.port, tls) as proxy:
            url = proxy.url(name, "db.example", hostaddr="127.0.0.1", sslrootcert=str(tmp_path / "ca.pem"))
            if works:
                assert PostgresJournal(url).record("probe", "a", {}) == 1
                unknown = proxy.url(name, "db.example", hostaddr="127.0.0.1")
                assert "does not prove that it is the server named" in problem(PostgresJournal(unknown).states)
            else:
                assert "does not prove that it is the server named" in problem(PostgresJournal(url).states)
    plain = f"postgresql://postgres@db.example:{postgres_server.port}/{name}?hostaddr=127.0.0.1"
    assert "does not speak TLS" in problem(PostgresJournal(plain).states)


def test_a_password_comes_from_the_environment_and_is_in_no_error(
    postgres_server, postgres_database, monkeypatch, tmp_path
):
    name, role = postgres_database(), "locked_writer"
    postgres_server.execute(f"DROP ROLE IF EXISTS {role}")
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PLANTED}' IN ROLE by_password")
    PostgresJournal(postgres_server.url(name)).make([role])
    url = postgres_server.url(name, role)
    assert "asks for a password, and none is set" in problem(PostgresJournal(url).states)
    monkeypatch.setenv("PGPASSWORD", f"{PLANTED}-wrong")
    with pytest.raises(JournalUnwritable) as fault:
        PostgresJournal(url).states()
    assert "does not accept the password" in fault.value.problem
    assert PLANTED not in f"{fault.value.problem} {fault.value.hint} {fault.value.subject} {fault.value.__context__}"
    monkeypatch.setenv("PGPASSWORD", PLANTED)
    assert PostgresJournal(url).record("probe", "a", {}) == 1
    monkeypatch.delenv("PGPASSWORD")
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{postgres_server.port}:{name}:{role}:{PLANTED}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    assert PostgresJournal(url).record("probe", "a", {}) == 2
    postgres_server.drop_database(name)
    postgres_server.execute(f"DROP ROLE {role}")


def test_the_client_is_loaded_only_where_it_is_chosen(tmp_path):
    script = (
        "import sys; from warden.adapters.journal.located import journal_at; "
        "journal_at(sys.argv[1]).states(); print('psycopg' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "j.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# -- from one to the other --------------------------------------------------------------------------------------------


def test_a_journal_moves_as_it_is_and_back(journal, tmp_path):
    before = SqliteJournal(str(tmp_path / "before.db"))
    for number in range(5000):
        if number % 50 == 0:
            before.record_all([("probe", "a", {"n": number + each, "text": "ü\x00\\"}) for each in range(50)])
    assert journal.restore(before.rows()) == 5000
    assert journal.verify(before.head()).breaks == ()
    after = SqliteJournal(str(tmp_path / "after.db"))
    assert after.restore(journal.rows()) == 5000
    assert list(after.rows()) == list(before.rows())
    assert journal.record("probe", "a", {}) == 5001
    assert "has records already" in problem(journal.restore, before.rows())
    assert "has records already" in problem(after.restore, before.rows())
    assert json.loads(msgspec.json.encode(next(iter(journal.rows())).body))
