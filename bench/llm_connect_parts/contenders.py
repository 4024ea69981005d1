"""What is measured: the upstream, and each way to it, as processes that are ended afterwards."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".venv-bench/bin"
TOKEN = "bench-token-0123456789abcdef"
SCHEMA = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "size": {"type": "integer"}},
                "required": ["title", "size"],
            },
        },
        "summary": {"type": "string"},
    },
    "required": ["items", "summary"],
}
GATEWAY = f"""\
[callers.static.bench]
sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
[[budgets]]
caller = "*"
period = "day"
tokens = 1000000000000
usd = 1000000.0
[server]
max_concurrency = 1024
"""
ROUTE = """\
[providers.{name}]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
[profiles.{name}]
provider = "{name}"
model = "bench/model"
max_tokens = 500
prices = {{prompt = 0.3, completion = 2.5}}
"""
LITELLM = """\
  - model_name: {name}
    litellm_params: {{model: openai/bench-model, api_base: "http://127.0.0.1:{port}/v1", api_key: unused}}
"""
NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream quick {{ server 127.0.0.1:{quick}; keepalive 512; }}
  upstream slow {{ server 127.0.0.1:{slow}; keepalive 512; }}
  server {{ listen 127.0.0.1:{port} backlog=2048; keepalive_requests 1000000;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    location /quick/ {{ proxy_pass http://quick/; }}
    location /slow/ {{ proxy_pass http://slow/; }} }} }}
"""


@dataclass
class Contender:
    """One way to the upstream: `url(model)` and the process whose memory counts."""

    name: str
    base: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    levels: Sequence[int] = (1, 16, 64, 256)

    def resident(self) -> int:
        """Bytes in memory."""
        assert self.process is not None
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Time on a processor so far, its children's among it: no part of it is other people's work."""
        if self.process is None:
            return 0.0
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return sum(_ticks(each) for each in (pid, *map(int, file.read().split()))) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def body(model: str, *, stream: bool = False) -> bytes:
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": "Which of these goes first, and why? " * 8}],
        "max_tokens": 500,
        "stream": stream,
    }
    if not stream:
        asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "report", "schema": SCHEMA}}
    return json.dumps(asked).encode()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def running(cpu: int, *command: object, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """On one core; ended by its own number."""
    whole = ["taskset", "-c", str(cpu), *map(str, command)]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(whole, env={**os.environ, **(env or {})}, stdin=silent, stdout=silent, stderr=silent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str, model: str, seconds: float, process: "subprocess.Popen[bytes] | None") -> None:
    """Wait until one request is answered with 200."""
    head = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            sys.exit(f"bench: {process.args[3:6]} ended with {process.returncode} instead of serving")
        with contextlib.suppress(OSError):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, body(model), head), timeout=10):
                    return
            except urllib.error.HTTPError as error:
                last = f"{error.code} {error.read()[:300]!r}"
                if error.code < 500:
                    sys.exit(f"bench: {url} answers {last}")
        time.sleep(0.2)
    sys.exit(f"bench: {url} gives no answer")


@contextlib.contextmanager
def arranged(load: Path, folder: Path) -> Iterator[list[Contender]]:
    """All of them, against two upstreams: one that answers at once (`quick`), one after 20 ms (`slow`)."""
    ports = {"quick": free_port(), "slow": free_port()}
    with contextlib.ExitStack() as stack:
        for name, delay in (("quick", "0s"), ("slow", "20ms")):
            stack.enter_context(running(1, load, "upstream", f"127.0.0.1:{ports[name]}", delay))
        direct = {name: f"http://127.0.0.1:{port}/v1/chat/completions" for name, port in ports.items()}
        found = [Contender("direct", direct), _nginx(stack, folder, ports), _ours(stack, folder, ports)]
        found += [_bare(stack, ports), _litellm(stack, folder, ports)]
        for each in found:
            for name in ports:
                answers(each.base[name], name, 300, each.process)
        yield found


def _nginx(stack: contextlib.ExitStack, folder: Path, ports: Mapping[str, int]) -> Contender:
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        sys.exit("bench: nginx is not here, so that nothing was measured. Debian: apt install nginx-light")
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port, **ports))
    process = stack.enter_context(running(0, program, "-c", file, "-e", folder / "error.log"))
    base = {name: f"http://127.0.0.1:{port}/{name}/v1/chat/completions" for name in ports}
    return Contender("nginx", base, process)


def _ours(stack: contextlib.ExitStack, folder: Path, ports: Mapping[str, int]) -> Contender:
    port = free_port()
    file = folder / "llm-connect.toml"
    file.write_text(GATEWAY + "".join(ROUTE.format(name=name, port=each) for name, each in ports.items()))
    (folder / "state").mkdir()
    env = {
        "LLM_CONNECT_STATE": str(folder / "state"),
        "LLM_CONNECT_AUDIT_FILE": str(folder / "audit.jsonl"),
        "LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER": "simulate",
    }
    program = Path(sys.executable).parent / "llm-connect"
    command = (program, "serve", "--port", port, "--config", file)
    process = stack.enter_context(running(0, *command, env=env))
    base = dict.fromkeys(ports, f"http://127.0.0.1:{port}/v1/chat/completions")
    return Contender("llm-connect", base, process)


def _bare(stack: contextlib.ExitStack, ports: Mapping[str, int]) -> Contender:
    port = free_port()
    command = (PEERS / "python", "-m", "uvicorn", "--app-dir", HERE, "bare:app", "--port", port, "--no-access-log")
    process = stack.enter_context(running(0, *command, env={name.upper(): str(each) for name, each in ports.items()}))
    base = {name: f"http://127.0.0.1:{port}/{name}/v1/chat/completions" for name in ports}
    return Contender("bare", base, process)


def _litellm(stack: contextlib.ExitStack, folder: Path, ports: Mapping[str, int]) -> Contender:
    port = free_port()
    file = folder / "litellm.yaml"
    models = "".join(LITELLM.format(name=name, port=each) for name, each in ports.items())
    file.write_text(f"model_list:\n{models}general_settings: {{master_key: {TOKEN}}}\n")
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    env |= {"PATH": f"{PEERS}:{os.environ['PATH']}"}
    command = (PEERS / "litellm", "--config", file, "--host", "127.0.0.1", "--port", port, "--num_workers", 1)
    process = stack.enter_context(running(0, *command, env=env))
    base = dict.fromkeys(ports, f"http://127.0.0.1:{port}/v1/chat/completions")
    return Contender("LiteLLM", base, process, levels=(1, 16, 64))
