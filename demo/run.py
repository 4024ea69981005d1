"""The first lane from end to end on a real OpenBao, told step by step; nothing is left running or behind.

Everything is real but the far-away provider, which `llm-connect simulate-openrouter` plays on this machine. Each
command that is shown is the command that is run. Ends with 0 only if every step answered as it should.
"""

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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

LANE, FIELD = "openrouter-llm-connect", "OPENROUTER_API_KEY"
POLICY = "workload-kv-read-llm-connect-provider-secrets"
HOLE = 'path "platform/data/workloads/*" { capabilities = ["read"] }\n'
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
"""Variables of the person who runs the demo that must not reach into it."""

EXPORTED = ("BAO_", "KUBECONFIG", "WARDEN_AUDIT")
"""What `warden dev env` sets."""

OK, NOTE = re.compile("  ok "), re.compile(" {9}")
"""How `warden prove` begins a line that is ok, and the lines that belong to the one above."""

Feed = IO[bytes] | int
"""What a program reads as its input."""

SCHEMA = {
    "type": "object",
    "required": ["summary", "recommendations"],
    "properties": {
        "summary": {"type": "string"},
        "recommendations": {"type": "array", "maxItems": 7, "items": {"type": "object"}},
    },
}


class Wrong(Exception):
    """A step did not answer as it should."""


class Demo:
    """One run: a directory of its own, and the environment of everything that is started in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.step = 0
        self.key = f"sk-or-v1-{secrets.token_hex(32)}"
        self.key_file = home / "provider-key"
        self.key_file.write_text(self.key)
        self.key_file.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env = kept | {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            "WARDEN_STATE": str(home / "state"),
            "WARDEN_PLATFORM": str(REPOSITORY / "platform"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }

    def say(self, title: str, why: str) -> None:
        """Announce a step: what comes, and why."""
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
        """Run a command line as it is shown, with `pipe` as its input. Raises `Wrong` for another exit code.

        Where it ends as expected, `quiet` shows its last line only, and `brief` leaves out the lines that are ok.
        """
        print(f"\n   {bold(self.shown(command, env, pipe))}", flush=True)
        with pipe.open("rb") if pipe else contextlib.nullcontext(subprocess.DEVNULL) as feed:
            code, told = self._told(shlex.split(command), env, feed, live=not (quiet or brief))
        if quiet or brief:
            self.show(told if code != expect else without_ok(told) if brief else last_line(told))
        if code != expect:
            raise Wrong(f"{command}: exit {code}, expected {expect}")
        if expect:
            print(dim(f"   (exit {code})"))
        return told

    def _told(self, argv: list[str], env: dict[str, str], feed: Feed, *, live: bool) -> tuple[int, str]:
        """The exit code, and what was printed; shown line by line as it comes, where it is `live`."""
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
                process.terminate()  # SIGTERM came to the demo alone; what cleans up must not meet it at work
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
        """The throw-away directory as ``$D``: its real name is noise."""
        return text.replace(str(self.home), "$D")

    def become(self, part: str) -> None:
        """Be this part on the embedded platform from here on; the token goes from a file into the environment."""
        command = f'eval "$(warden dev env --as {part})"'
        print(f"\n   {bold(f'$ {command}')}")
        told = subprocess.run(
            ["sh", "-c", f"{command}; env -0"], env=self.env, stdout=subprocess.PIPE, check=True
        ).stdout.decode()
        exported = dict(each.split("=", 1) for each in told.split("\0") if "=" in each)
        self.env |= {name: value for name, value in exported.items() if name.startswith(EXPORTED)}

    @contextlib.contextmanager
    def serving(self, command: str, log: str, **env: str) -> Iterator[str]:
        """Start a program that prints ``{"url": …}`` when it listens; it is ended by its own pid afterwards."""
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
            raise Wrong(f"it did not start: {(self.home / log).read_text()}")
        return str(json.loads(line)["url"])


def last_line(told: str) -> str:
    """What a program said last."""
    return "\n".join(told.splitlines()[-1:])


def without_ok(told: str) -> str:
    """What a program said but for the lines that are ok and have no note, and how many those are."""
    lines = told.splitlines()
    below = [*lines[1:], ""]
    rest = [line for line, next_line in zip(lines, below, strict=True) if not OK.match(line) or NOTE.match(next_line)]
    return "\n".join([*rest, f"(ok and not shown: {len(lines) - len(rest)})"])


def bold(text: str) -> str:
    """Bold on a terminal."""
    return f"\x1b[1m{text}\x1b[0m" if COLOUR else text


def dim(text: str) -> str:
    """Dim on a terminal."""
    return f"\x1b[2m{text}\x1b[0m" if COLOUR else text


def declared(demo: Demo) -> None:
    """The platform, and the lane's file."""
    demo.say(
        "A throw-away platform", "One real OpenBao with an audit log and no root token; it is gone when this ends."
    )
    demo.run("warden dev up")
    demo.say(
        "Declared: one file", "Where the value is kept, who may read it, who owns what. All else is derived from it."
    )
    demo.show((REPOSITORY / "platform" / "catalog" / f"{LANE}.yaml").read_text())
    demo.run("warden catalog check")
    demo.run("warden route find 'openrouter key'")


def applied(demo: Demo) -> None:
    """Policy, role and marks on the server, and the value in its place."""
    demo.say("Applied", "By a platform engineer, whose rights let nobody read a value. A second time changes nothing.")
    demo.become("platform")
    demo.run(f"warden plan {LANE}", expect=1)
    demo.run(f"warden apply {LANE}", quiet=True)
    demo.run(f"warden apply {LANE}")
    demo.say("Filled", "The provider's key arrives by a pipe: it is never an argument, and nothing prints it.")
    demo.run(f"warden put {LANE} {FIELD}", pipe=demo.key_file)


def used(demo: Demo) -> None:
    """A stranger is refused before anything starts; the workload runs with the key, and the provider accepts it."""
    demo.say("Refused", "A developer is no declared reader: nothing is read, and the command is not started.")
    demo.become("developer")
    demo.run(f"warden access {LANE} -- llm-connect serve --port 0", expect=125)
    demo.say("Used", "As the workload activity-core/llm-connect: the key goes from OpenBao into a sealed memory file.")
    token = demo.home / "service-account-token"
    demo.run(f"warden dev token activity-core/llm-connect --out {token}")
    del demo.env["BAO_TOKEN"]
    provider = f"llm-connect simulate-openrouter --port 0 --key-file {demo.key_file}"
    with demo.serving(provider, "provider.log") as upstream:
        gateway = f"warden access {LANE} --token-file {token} --as fd -- llm-connect serve --port 0"
        with demo.serving(gateway, "gateway.log", LLM_CONNECT_OPENROUTER_BASE_URL=upstream) as url:
            expect_answer(demo, url)
        rotated_away(demo, upstream)


def expect_answer(demo: Demo, url: str) -> None:
    """The provider checks the bearer key; an answer means that the delivered key is the one it knows."""
    demo.run(f"llm-connect smoke --url {url}")
    status, answer = execute(url)
    demo.show(
        f"POST {url}/execute -> {status}, model {answer.get('model')}, finish_reason {answer.get('finish_reason')}"
    )
    if status != 200 or not answer.get("content"):
        raise Wrong(f"the gateway answered {status}: {answer}")


def rotated_away(demo: Demo, upstream: str) -> None:
    """The counter-check: with any other key the same provider refuses, so the answer above was due to the lane."""
    other = {FIELD: f"sk-or-v1-{secrets.token_hex(32)}", "LLM_CONNECT_OPENROUTER_BASE_URL": upstream}
    print("\n   The counter-check: with another key the same provider refuses.")
    before, demo.env = demo.env, demo.env | other
    try:
        with demo.serving("llm-connect serve --port 0", "counter.log") as url:
            status, answer = execute(url)
    finally:
        demo.env = before
    demo.show(f"POST {url}/execute -> {status}, {answer.get('type')}, provider_status {answer.get('provider_status')}")
    if status == 200:
        raise Wrong("the provider accepted a key that it cannot know")


def execute(url: str) -> tuple[int, dict[str, object]]:
    """One question to the gateway, as activity-core asks it."""
    config = {"model_name": "custodian-triage-balanced", "model_params": {"json_schema": SCHEMA}}
    body = json.dumps({"prompt": "Rank the day's work.", "config": config}).encode()
    request = urllib.request.Request(f"{url}/execute", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def proven(demo: Demo) -> None:
    """The lane is proven; a hole made by hand is found, shown, mended, and the lane proven again."""
    demo.say(
        "Proven", "Who may read does, who may not is refused: live, each answer with its line in OpenBao's audit log."
    )
    demo.become("platform")
    demo.run(f"warden prove {LANE}")
    demo.say(
        "A hole, made by hand",
        "An administrator widens the policy. The proof finds it; nothing is changed by finding it.",
    )
    demo.become("admin")
    wide = demo.home / "wide.hcl"
    wide.write_text(HOLE)
    demo.run(f"bao policy write {POLICY} -", pipe=wide)
    demo.become("platform")
    demo.run(f"warden prove {LANE}", expect=1)
    demo.say("Mended", "The policy is nobody's of ours now: warden says so, and takes it back only when told to.")
    demo.run(f"warden apply {LANE}", expect=1)
    demo.run(f"warden apply {LANE} --take-over --yes")
    demo.run(f"warden prove {LANE}", quiet=True)
    demo.run("warden status")


def kept(demo: Demo) -> None:
    """The journal is whole, and the key is nowhere but in OpenBao."""
    demo.say("Kept", "Every effect is in the journal, chained; the key itself is in no file that was written.")
    demo.run("warden journal verify")
    found = [
        path
        for path in demo.home.rglob("*")
        if path.is_file() and path != demo.key_file and demo.key.encode() in path.read_bytes()
    ]
    count = sum(path.is_file() for path in demo.home.rglob("*"))
    demo.show(f"the key was looked for in {count} files: logs, journal, audit log, storage: found in {len(found)}")
    if found:
        raise Wrong(f"the key was found in {', '.join(demo.short(str(path)) for path in found)}")


def main() -> int:
    """The whole demo."""
    opening = f"The lane {LANE}, from its file to its proof."
    return play(
        opening, (declared, applied, used, proven, kept), "The lane is declared, applied, filled, used and proven."
    )


def play(opening: str, steps: Sequence[Callable[[Demo], None]], closing: str) -> int:
    """Run every step, and clean up whatever happens; the exit code."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="warden-demo-"))
    demo = Demo(home)
    print(f"{opening} $D is a directory of its own, removed at the end.")
    try:
        for step in steps:
            step(demo)
    except Wrong as fault:
        print(f"\nWRONG: {demo.short(str(fault))}", file=sys.stderr)
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
    print(f"{closing} {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
