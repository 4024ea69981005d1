"""The command `llm-connect serve`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from llm_connect.commands.errors import ANSWER_IS_NO, USAGE_ERROR, CommandError, configuration_error
from llm_connect.common import logs
from llm_connect.common.errors import ConfigurationError
from llm_connect.common.urls import is_loopback
from llm_connect.config.model import Limits
from llm_connect.config.settings import Settings, load_settings

if TYPE_CHECKING:
    import socket

EXAMPLES = """\b
Examples:
  warden access openrouter-llm-connect -- llm-connect serve
  llm-connect serve --host 0.0.0.0 --config /etc/llm-connect/config"""


@click.command("serve", short_help="Serve the gateway over HTTP.", epilog=EXAMPLES)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; other than loopback requires [callers].",
)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free port.")
@click.option("--config", metavar="PATH", help="A TOML file, or a directory with llm-connect.toml.")
@click.option("--log-level", default="info", show_default=True, type=click.Choice(logs.LEVELS))
@click.option(
    "--drain-seconds",
    default=25,
    show_default=True,
    type=click.IntRange(0, 3600),
    help="How long requests in progress may take after SIGTERM or Ctrl-C.",
)
@click.option(
    "--drain-delay-seconds",
    default=0,
    show_default=True,
    type=click.IntRange(0, 600),
    help="How long to accept requests after the signal, while /ready answers 503.",
)
@click.option(
    "--max-body-bytes",
    type=click.IntRange(1024, 64 * 1024 * 1024),
    help=f"Refuse a larger request body with 413; default {Limits().max_body_bytes}.",
)
def command(
    *,
    host: str,
    port: int,
    config: str | None,
    log_level: str,
    drain_seconds: int,
    drain_delay_seconds: int,
    max_body_bytes: int | None,
) -> None:
    """Serve the gateway over HTTP: POST /v1/chat/completions, GET /v1/models, POST /execute, GET /health and /ready.

    Prints one line on standard output when it accepts connections, {"url": "http://HOST:PORT"}. Logs go to standard
    error as JSON.
    """
    try:
        settings = load_settings(os.environ, config=config, max_body_bytes=max_body_bytes)
    except ConfigurationError as error:
        raise configuration_error(error, "nothing was started") from None
    _require_callers(settings, host)
    # Half a second of imports, not spent on --help or on a configuration that cannot be used.
    import uvloop

    sock = _reserve(host, port)
    logs.set_up(log_level, settings.redactor)
    logs.logger.debug("settings", extra={"fields": {"limits": vars(settings.limits), "state": settings.state}})
    sys.exit(uvloop.run(_serve(settings, sock, host, drain_delay_seconds, drain_seconds)))


async def _serve(
    settings: Settings, sock: socket.socket, host: str, drain_delay_seconds: int, drain_seconds: int
) -> int:
    from llm_connect.web.app import Gateway
    from llm_connect.web.listening import CannotListen, stop_on_signals, url_of
    from llm_connect.web.server import MIN_CONNECTIONS, Server

    try:
        gateway = Gateway(settings)
    except ConfigurationError as error:
        raise configuration_error(error, "nothing was started") from None
    url = url_of(sock)
    calls = settings.limits.max_concurrency + settings.limits.max_queue
    server = Server(
        gateway,
        sock,
        lambda: _announce(url, settings, host),
        drain_delay_seconds=drain_delay_seconds,
        drain_seconds=drain_seconds,
        max_connections=max(MIN_CONNECTIONS, calls),
    )
    stop_on_signals(server.stop)
    try:
        return await server.run()
    except CannotListen as error:
        raise _cannot_listen(error, host) from None


def _require_callers(settings: Settings, host: str) -> None:
    """Without callers, everybody who reaches the port could spend the key's credit."""
    if is_loopback(host) or settings.callers.declared:
        return
    message = f"no callers are declared, but {host} can be reached from other machines; nothing was started"
    hint = "Next: declare [callers] in the configuration file (--config), or listen on 127.0.0.1."
    raise CommandError(USAGE_ERROR, "callers", host, message, hint)


def _reserve(host: str, port: int) -> socket.socket:
    from llm_connect.web.listening import CannotListen, reserve

    try:
        return reserve(host, port)
    except CannotListen as error:
        raise _cannot_listen(error, host) from None


def _cannot_listen(error: Exception, host: str) -> CommandError:
    hint = "Next: choose another --port (0 picks a free one) or --host."
    return CommandError(ANSWER_IS_NO, "address", host, f"{error}; nothing was started", hint)


def _announce(url: str, settings: Settings, host: str) -> None:
    from llm_connect.web.listening import announce_url

    urls = {name: table.base_url for name, table in settings.providers.items() if table.base_url}
    callers = "declared" if settings.callers.declared else "anybody on this machine"
    fields = {"url": url, "profiles": list(settings.profiles), "providers": urls, "callers": callers, "host": host}
    logs.logger.info("listening", extra={"fields": fields})
    if missing := settings.missing_keys():
        logs.logger.warning("not ready: no provider key", extra={"fields": {"missing": missing}})
    announce_url(url)
