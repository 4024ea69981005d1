"""The PostgreSQL of the tests is a real one, and can be stopped, copied and promoted."""

import secrets
import time

import psycopg
import pytest
from postgres_server import served_postgres, standby_of


def test_databases_are_of_one_test_alone(postgres_server, postgres_database):
    name = postgres_database()
    postgres_server.execute("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)", database=name)
    assert postgres_server.execute("SELECT n FROM t", database=name) == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        postgres_server.execute("SELECT n FROM t", database=postgres_database())


def test_who_has_a_password_needs_it(postgres_server):
    role = f"locked_{secrets.token_hex(4)}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'planted' IN ROLE by_password")
    url = postgres_server.url(user=role)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(url)
    psycopg.connect(url, password="planted").close()


def test_a_standby_follows_and_takes_over():
    with served_postgres() as primary:
        primary.execute("CREATE TABLE t (n int)")
        with standby_of(primary) as standby:
            primary.execute("INSERT INTO t VALUES (7)")
            end = time.monotonic() + 20
            while standby.execute("SELECT n FROM t") != [(7,)]:
                assert time.monotonic() < end
                time.sleep(0.02)
            primary.stop()
            standby.promote()
            standby.execute("INSERT INTO t VALUES (8)")
            assert standby.execute("SELECT count(*) FROM t") == [(2,)]
