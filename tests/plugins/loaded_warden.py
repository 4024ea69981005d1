"""``warden`` as a process of its own, without the time it takes to load it: 0.05 s of processor time instead of 0.3.

A server that has loaded every module of warden makes a copy of itself (`fork`) for each run. The copy is given the
arguments, the environment, the folder and the streams of the run, and is ``warden`` from then on; it ends as warden
ends. What is about loading, terminals, signals or Python's own variables starts the program itself.
"""

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, AnyStr

PROGRAM = str(Path(sys.executable).with_name("warden"))
LIBRARIES = ("aiohttp", "cryptography.x509", "lark", "psycopg", "ruamel.yaml", "trustme")
"""What functions of warden load when they are called."""
LARGEST = 200_000
"""Bytes of a request; Linux takes no more at once."""


class LoadedWarden:
    """The client of the server at that socket; `of_python` are the variables of Python that the server started with."""

    def __init__(self, path: Path, of_python: Mapping[str, str]) -> None:
        self._path = str(path)
        self._of_python = dict(of_python)

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: AnyStr, timeout: float = 60
    ) -> "subprocess.CompletedProcess[AnyStr]":
        """What `subprocess.run` answers for ``warden ARGV``, in text or bytes as `stdin` is; nothing is a terminal.

        With other variables of Python, it is the program itself.
        """
        text = isinstance(stdin, str)
        if of_python(env) != self._of_python:
            how = {"input": stdin, "text": text, "timeout": timeout, "env": env, "cwd": cwd}
            return subprocess.run([PROGRAM, *argv], capture_output=True, check=False, **how)
        with ExitStack() as opened:
            server = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            streams = [opened.enter_context(TemporaryFile("w+" if text else "w+b")) for _ in range(3)]
            streams[0].write(stdin)
            streams[0].seek(0)
            server.settimeout(timeout)
            server.connect(self._path)
            request = json.dumps([list(argv), dict(env), str(cwd)]).encode()
            socket.send_fds(server, [request], [each.fileno() for each in streams])
            pid = int(server.recv(16))
            try:
                code = int(server.recv(16))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(["warden", *argv], code, *map(whole, streams[1:]))


def of_python(env: Mapping[str, str]) -> dict[str, str]:
    """Those variables that Python reads when it starts."""
    return {name: value for name, value in env.items() if name.startswith(("PYTHON", "LANG", "LC_"))}


def whole(file: IO[AnyStr]) -> AnyStr:
    file.seek(0)
    return file.read()


@contextmanager
def loaded_warden(folder: Path, **of_python: str) -> Iterator[LoadedWarden]:
    """A server, with its socket in that folder."""
    path = folder / "warden.sock"
    env = {**of_python, "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"]}
    server = subprocess.Popen([sys.executable, __file__, str(path)], env=env, stdin=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert server.poll() is None, "warden cannot be loaded"
            time.sleep(0.02)
        yield LoadedWarden(path, of_python)
    finally:
        server.kill()
        server.wait()


def serve(path: str) -> None:
    """Load warden, and be it once for each client: returns in the processes of the runs, never in the server."""
    load()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(f"{path}.new")
    listening.listen()
    os.rename(f"{path}.new", path)
    runs: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor that tells when one has ended
    while True:
        for ready in select.select([listening, *runs], [], [])[0]:
            if ready in runs:
                pid, client = runs.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with suppress(BrokenPipeError), client:  # nobody may be waiting any more
                    client.send(str(code).encode())
                os.close(ready)
                continue
            client, _ = listening.accept()
            request, streams, *_ = socket.recv_fds(client, LARGEST, 3)
            pid = os.fork()
            if not pid:
                return become(streams, *json.loads(request))
            for stream in streams:
                os.close(stream)
            client.send(str(pid).encode())
            runs[os.pidfd_open(pid)] = pid, client


def load() -> None:
    import warden
    from secret_scan import scan

    scan("0a1b2c3d4e5f")  # has the scanner load its rules: 0.5 s of processor time, more than all that is below
    for each in pkgutil.walk_packages(warden.__path__, "warden."):
        import_module(each.name)
    for name in LIBRARIES:
        import_module(name)
    gc.collect()
    gc.freeze()  # the copies need not look at what is loaded, and share its memory


def become(streams: Sequence[int], argv: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}  # by Python itself: PEP 538
    os.environ.clear()
    os.environ.update(coerced | env)
    os.chdir(cwd)
    time.tzset()
    sys.argv = [PROGRAM, *argv]


def run() -> None:
    """Run warden, and end as Python does, but without taking apart what is loaded: that took longer than the rest."""
    from warden.cli.entrypoint import run

    try:
        run()
    except SystemExit as ended:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
    run()
