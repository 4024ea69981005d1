"""`llm-connect serve`."""

from __future__ import annotations

import os
import sys

import click

from llm_connect import logs
from llm_connect.commands.stop import ANSWER_IS_NO, Stop, bad_configuration
from llm_connect.faults import FaultyConfiguration
from llm_connect.secret import Redactor
from llm_connect.serving import CannotListen, announce_url, configured, listening_socket, serve, url_of
from llm_connect.settings import MAX_BODY_BYTES, Settings, is_loopback, load_settings

EXAMPLES = """\b
Examples:
  warden access openrouter-llm-connect -- llm-connect serve
  OPENROUTER_API_KEY_FILE=/run/keys/openrouter llm-connect serve --host 0.0.0.0 --port 8080"""


@click.command("serve", short_help="Serve the gateway over HTTP.", epilog=EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option("--log-level", default="info", show_default=True, type=click.Choice(logs.LEVELS))
@click.option(
    "--drain-seconds",
    default=25,
    show_default=True,
    type=click.IntRange(0, 3600),
    help="How long requests under way may take after SIGTERM or Ctrl-C.",
)
@click.option(
    "--max-body-bytes",
    default=MAX_BODY_BYTES,
    show_default=True,
    type=click.IntRange(1024, 64 * 1024 * 1024),
    help="A larger request body is refused with 413.",
)
def command(*, host: str, port: int, log_level: str, drain_seconds: int, max_body_bytes: int) -> None:
    """Serve the gateway over HTTP: GET /health, GET /ready, POST /execute.

    Prints one line on standard output when it listens, {"url": "http://HOST:PORT"}; logs go to standard error as JSON.
    """
    try:
        settings = load_settings(os.environ, max_body_bytes=max_body_bytes)
        sock = listening_socket(host, port)
    except FaultyConfiguration as error:
        raise bad_configuration(error, "nothing was started") from None
    except CannotListen as error:
        hint = "Next: choose another --port (0 takes a free one) or --host."
        raise Stop(ANSWER_IS_NO, "address", host, f"{error}; nothing was started", hint) from None
    # Half a second of imports, not spent on --help or on a configuration that cannot be used.
    from llm_connect.web.app import Gateway

    logs.set_up(log_level, Redactor(settings.key))
    config = configured(Gateway(settings).application(), drain_seconds)
    url = url_of(sock)
    sys.exit(serve(config, sock, lambda: _announce(url, settings, host)))


def _announce(url: str, settings: Settings, host: str) -> None:
    fields = {"url": url, "profiles": list(settings.profiles), "base_url": settings.base_url}
    logs.logger.info("listening", extra={"fields": fields | {"key": "present" if settings.key else "missing"}})
    if settings.key is None:
        logs.logger.warning("not ready: no provider key", extra={"fields": {"missing": settings.key_field}})
    if not is_loopback(host):
        logs.logger.warning("callers are not authenticated: only a network policy keeps others out")
    announce_url(url)
