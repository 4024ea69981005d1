"""How a demo is run: commands that are shown as they are run, in a temporary directory that is removed at the end."""

import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from tools.reaper import watch

LANE, FIELD = "openrouter-llm-connect", "OPENROUTER_API_KEY"
REPOSITORY = Path(__file__).resolve().parent.parent
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
FOREIGN = (
    "BAO_",
    "VAULT_",
    "WARDEN_",
    "LLM_CONNECT_",
    "OPENROUTER_",
    "ACTIVITY_CORE_",
    "STATE_HUB_",
    "KUBECONFIG",
    "XDG_",
)
"""The caller's variables that must not affect the demo."""

EXPORTED = ("BAO_", "KUBECONFIG", "WARDEN_AUDIT")
"""What `warden dev env` sets."""

OK, NOTE = re.compile("  ok "), re.compile(" {9}")
"""How `warden prove` begins a line that is ok, and a line that belongs to the one above."""

VERDICT = re.compile("(proven|refuted|inconclusive): ")
"""How `warden prove` begins its conclusion."""

Feed = IO[bytes] | int
"""A program's standard input."""


class DemoError(Exception):
    """A step did not give the expected answer."""


class Demo:
    """One run: its directory, and the environment of everything that it starts."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.step = 0
        self.verdict = ""
        self.key = f"sk-or-v1-{secrets.token_hex(32)}"
        self.key_file = home / "provider-key"
        self.key_file.write_text(self.key)
        self.key_file.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env = kept | {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            "WARDEN_STATE": str(home / "state"),
            "WARDEN_PLATFORM": str(reviewed_today(home / "platform")),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }

    def say(self, title: str, why: str) -> None:
        """Announce a step: what happens, and why."""
        self.step += 1
        print(f"\n{bold(f'{self.step}. {title}')}\n   {why}", flush=True)

    def run(
        self,
        command: str,
        *,
        expect: int = 0,
        quiet: bool = False,
        brief: bool = False,
        pipe: Path | None = None,
        **env: str,
    ) -> str:
        """Run a command line as it is shown, with `pipe` as its input. Raises `DemoError` for another exit code.

        If it ends as expected, `quiet` shows its last line, and `brief` leaves out the lines that are ok.
        """
        print(f"\n   {bold(self.shown(command, env, pipe))}", flush=True)
        with pipe.open("rb") if pipe else contextlib.nullcontext(subprocess.DEVNULL) as feed:
            code, output = self._output(shlex.split(command), env, feed, live=not (quiet or brief))
        if quiet or brief:
            self.show(output if code != expect else without_ok(output) if brief else last_line(output))
        if code != expect:
            raise DemoError(f"{command}: exit {code}, expected {expect}")
        if expect:
            print(dim(f"   (exit {code})"))
        self.verdict = next((line for line in output.splitlines() if VERDICT.match(line)), self.verdict)
        return output

    def _output(self, argv: list[str], env: dict[str, str], feed: Feed, *, live: bool) -> tuple[int, str]:
        """The exit code and the output; with `live` each line is shown as it comes."""
        lines = []
        with subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=self.env | env,
            stdin=feed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    if live:
                        self.show(line)
            except KeyboardInterrupt:
                process.terminate()  # only the demo got the SIGTERM; end the command before the cleanup starts
                process.wait()
                raise
        return process.returncode, "".join(lines)

    def shown(self, command: str, env: Mapping[str, str], pipe: Path | None = None) -> str:
        """The command as a person would type it."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in env.items()]
        source = [f"cat {pipe} |"] if pipe else []
        return self.short(" ".join(["$", *source, *settings, command]))

    def show(self, text: str) -> None:
        """Indent what a program printed."""
        for line in text.splitlines():
            print(f"   {self.short(line)}".rstrip(), flush=True)

    def short(self, text: str) -> str:
        """The temporary directory as ``$D``: its real name is noise."""
        return text.replace(str(self.home), "$D")

    def act_as(self, persona: str) -> None:
        """Act as this persona of the embedded platform from here on. Its token goes from a file to the environment."""
        command = f'eval "$(warden dev env --as {persona})"'
        print(f"\n   {bold(f'$ {command}')}")
        output = subprocess.run(
            ["sh", "-c", f"{command}; env -0"], env=self.env, stdout=subprocess.PIPE, check=True
        ).stdout.decode()
        exported = dict(each.split("=", 1) for each in output.split("\0") if "=" in each)
        self.env |= {name: value for name, value in exported.items() if name.startswith(EXPORTED)}

    @contextlib.contextmanager
    def serving(self, command: str, log: str, **env: str) -> Iterator[str]:
        """Start a program that prints its URL, or ``{"url": …}``, when it listens; it is stopped afterwards."""
        print(f"\n   {bold(self.shown(command, env) + ' &')}", flush=True)
        with (self.home / log).open("wb") as errors:
            process = subprocess.Popen(shlex.split(command), env=self.env | env, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield self._url(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)

    def _url(self, process: subprocess.Popen[bytes], log: str) -> str:
        line = process.stdout.readline() if process.stdout else b""
        self.show(line.decode())
        if not line:
            raise DemoError(f"{log}: the program did not start: {(self.home / log).read_text()}")
        return str(json.loads(line)["url"]) if line.startswith(b"{") else line.decode().strip()


def reviewed_today(platform: Path) -> Path:
    """A copy of the sample platform, reviewed today: that the sample is old is not what the demo is about."""
    shutil.copytree(REPOSITORY / "platform", platform)
    for path in (platform / "catalog").glob("*.yaml"):
        path.write_text(re.sub(r"(?m)^reviewed: .*$", f"reviewed: {time.strftime('%Y-%m-%d')}", path.read_text()))
    settings = platform / "platform.yaml"
    checkouts = f"[{REPOSITORY}, {REPOSITORY}/llm-connect]"
    settings.write_text(settings.read_text().replace("[.., ../llm-connect]", checkouts))
    shutil.copytree(REPOSITORY / "docs" / "playbooks", platform.parent / "docs" / "playbooks")
    return platform


def last_line(output: str) -> str:
    """The last line of an output, below a mark where there were others."""
    lines = output.splitlines()
    return "\n".join(["…", lines[-1]] if len(lines) > 1 else lines)


def without_ok(output: str) -> str:
    """The output without the lines that are ok and have no note, and their number."""
    lines = output.splitlines()
    below = [*lines[1:], ""]
    rest = [line for line, next_line in zip(lines, below, strict=True) if not OK.match(line) or NOTE.match(next_line)]
    return "\n".join([*rest, f"({len(lines) - len(rest)} lines that are ok are not shown)"])


def bold(text: str) -> str:
    """Bold on a terminal."""
    return f"\x1b[1m{text}\x1b[0m" if COLOUR else text


def dim(text: str) -> str:
    """Dim on a terminal."""
    return f"\x1b[2m{text}\x1b[0m" if COLOUR else text


def play(opening: str, steps: Sequence[Callable[[Demo], None]], closing: str) -> int:
    """Run every step, and clean up whatever happens; the exit code."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="warden-demo-"))
    watch(home, remove=True)
    demo = Demo(home)
    print(f"{opening} $D is a temporary directory that is removed at the end.")
    try:
        for step in steps:
            step(demo)
    except DemoError as fault:
        print(f"\nFAILED: {demo.short(str(fault))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        # Whoever is in a hurry presses Ctrl-C twice: what was started is ended and removed all the same.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ended = subprocess.run(
            ["warden", "dev", "down", "--wipe", "--yes"],
            env=demo.env,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        shutil.rmtree(home)
        print(dim(f"\nstopped and removed (exit {ended.returncode})"))
    if demo.verdict:
        print(f"The last verdict: {demo.verdict}")
    print(f"{closing} {time.monotonic() - started:.0f} s.")
    return 0


@contextlib.contextmanager
def lane_served(demo: Demo) -> Iterator[tuple[str, str]]:
    """The gateway with the lane's key, run as the workload, and the provider that knows the key: their addresses."""
    token = demo.home / "service-account-token"
    demo.run(f"warden dev token activity-core/llm-connect --out {token}")
    del demo.env["BAO_TOKEN"]
    provider = f"llm-connect simulate-openrouter --port 0 --key-file {demo.key_file}"
    gateway = f"warden access {LANE} --token-file {token} --as fd -- llm-connect serve --port 0"
    with (
        demo.serving(provider, "provider.log") as upstream,
        demo.serving(gateway, "gateway.log", LLM_CONNECT_OPENROUTER_BASE_URL=upstream) as url,
    ):
        yield url, upstream


@contextlib.contextmanager
def other_key_served(demo: Demo, upstream: str) -> Iterator[str]:
    """The gateway with a key that the provider does not know, and without OpenBao: its address."""
    other = {FIELD: f"sk-or-v1-{secrets.token_hex(32)}", "LLM_CONNECT_OPENROUTER_BASE_URL": upstream}
    before, demo.env = demo.env, demo.env | other
    try:
        with demo.serving("llm-connect serve --port 0", "counter.log") as url:
            yield url
    finally:
        demo.env = before


def search_for_the_key(demo: Demo, *, except_below: str = "") -> list[Path]:
    """The files below `except_below` that have the key. Raises `DemoError` if any other file has it."""
    files = [path for path in demo.home.rglob("*") if path.is_file() and path != demo.key_file]
    found = [path for path in files if demo.key.encode() in path.read_bytes()]
    allowed = [path for path in found if except_below in path.parts]
    strays = [path for path in found if path not in allowed]
    where = f"outside {except_below} found" if except_below else "found"
    demo.show(f"searched {len(files)} files for the key: {where} in {len(strays)}")
    if strays:
        raise DemoError(f"the key was found in {', '.join(demo.short(str(path)) for path in strays)}")
    return allowed
