"""The command `llm-connect simulate-openrouter`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from llm_connect.commands.errors import ANSWER_IS_NO, CommandError, configuration_error
from llm_connect.common import logs
from llm_connect.common.errors import ConfigurationError
from llm_connect.common.secret import Redactor
from llm_connect.simulator.app import Simulator, serve
from llm_connect.simulator.failures import FAILURES
from llm_connect.simulator.key import AcceptedKey, key_from_environment, key_from_file
from llm_connect.simulator.streaming import STREAM_FAILURES
from llm_connect.web.listening import CannotListen, announce_url, reserve, stop_on_signals, url_of

if TYPE_CHECKING:
    import socket

_SENTENCES = {name: failure.sentence for name, failure in FAILURES.items()} | STREAM_FAILURES
_WIDTH = max(map(len, _SENTENCES)) + 2
_LIST = "\n".join(f"  {name:<{_WIDTH}}{sentence}" for name, sentence in _SENTENCES.items())
EXAMPLES = f"""\b
Failures, by the model simulate/NAME or the header x-simulate: NAME:
{_LIST}

\b
Examples:
  llm-connect simulate-openrouter --key-file ./provider-key
  PROVIDER_KEY=… llm-connect simulate-openrouter --key-env PROVIDER_KEY --port 9000 --latency-ms 20"""


@click.command("simulate-openrouter", short_help="Serve an OpenRouter-shaped simulator.", epilog=EXAMPLES)
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free port.")
@click.option("--key-file", metavar="PATH", help="File with the accepted key; replace it to rotate the key.")
@click.option("--key-env", metavar="NAME", help="Name of the environment variable with the accepted key.")
@click.option("--management-key-file", metavar="PATH", help="File with the key that manages keys; a file as above.")
@click.option("--management-key-env", metavar="NAME", help="Name of the environment variable with that key.")
@click.option(
    "--latency-ms", default=0, show_default=True, type=click.IntRange(0, 600_000), help="Time per completion."
)
@click.option("--limit-usd", default=10.0, show_default=True, type=click.FloatRange(0, 1e6), help="The key's credit.")
@click.option("--log-level", default="warning", show_default=True, type=click.Choice(logs.LEVELS))
def command(
    *,
    port: int,
    key_file: str | None,
    key_env: str | None,
    management_key_file: str | None,
    management_key_env: str | None,
    latency_ms: int,
    limit_usd: float,
    log_level: str,
) -> None:
    """Serve an OpenRouter-shaped simulator on 127.0.0.1, for demos and tests.

    Answers POST /api/v1/chat/completions and GET /api/v1/key; with a management key also /api/v1/keys, and PUT
    /simulator/faults, which chooses how it fails (README). Prints one line on standard output when it accepts
    connections, {"url": "http://127.0.0.1:PORT/api/v1"}: the base URL for llm-connect serve.
    """
    try:
        key = _key("key", key_file, key_env)
        management = None
        if management_key_file is not None or management_key_env is not None:
            management = _key("management-key", management_key_file, management_key_env)
        sock = reserve("127.0.0.1", port)
    except ConfigurationError as error:
        raise configuration_error(error, "nothing was started") from None
    except CannotListen as error:
        hint = "Next: choose another --port (0 picks a free one)."
        raise CommandError(ANSWER_IS_NO, "address", "127.0.0.1", f"{error}; nothing was started", hint) from None
    logs.set_up(log_level, Redactor(key.current(), None if management is None else management.current()))
    sys.exit(asyncio.run(_serve(Simulator(key, latency_ms, limit_usd, management), sock)))


async def _serve(simulator: Simulator, sock: socket.socket) -> int:
    """Serve until a signal comes; returns the exit code."""
    stopped = asyncio.Event()
    codes: list[int] = []

    def stop(code: int) -> None:
        codes.append(code)
        stopped.set()

    stop_on_signals(stop)
    sock.listen()
    announce_url(f"{url_of(sock)}/api/v1")
    await serve(simulator.application(), sock, stopped)
    return codes[-1]


def _key(option: str, path: str | None, name: str | None) -> AcceptedKey:
    """The key that `--OPTION-file` or `--OPTION-env` names."""
    if (path is None) == (name is None):
        raise click.UsageError(f"name the accepted key with one of --{option}-file PATH and --{option}-env NAME")
    if path is not None:
        return key_from_file(path, f"--{option}-file")
    return key_from_environment(os.environ, name or "", f"--{option}-env")
