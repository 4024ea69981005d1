"""The command `llm-connect smoke`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from llm_connect.commands.errors import ANSWER_IS_NO, NO_ANSWER, CommandError, configuration_error
from llm_connect.commands.smoke_checks import Unreachable, checks
from llm_connect.common.errors import ConfigurationError
from llm_connect.config.profiles import DEFAULT_PROFILE
from llm_connect.keys.sources import TOKEN_SHAPE, FileKey

if TYPE_CHECKING:
    from llm_connect.common.secret import Secret

EXAMPLES = """\b
Examples:
  llm-connect smoke --url http://127.0.0.1:8080
  llm-connect smoke --url http://llm-connect.activity-core.svc.cluster.local:8080 --token-file /var/run/token --json"""


@click.command("smoke", short_help="Check a running gateway.", epilog=EXAMPLES)
@click.option("--url", required=True, help="The gateway's URL, as `serve` printed it.")
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="The profile to call.")
@click.option(
    "--timeout-seconds",
    default=310.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="For each check.",
)
@click.option("--token-file", metavar="PATH", help="File with the bearer token of a declared caller.")
@click.option("--json", "as_json", is_flag=True, help="Print one object with all checks.")
def command(*, url: str, profile: str, timeout_seconds: float, token_file: str | None, as_json: bool) -> None:
    """Check a running gateway: it is alive, it is ready, and it answers one real call with a triage report.

    Exit codes: 0 all ok, 1 a check failed, 3 nothing answers at the URL.
    """
    done = []
    token = None if token_file is None else _token(token_file)
    try:
        for check in checks(url.rstrip("/"), profile, timeout_seconds, token):
            done.append(check)
            if not as_json:
                click.echo(check.line())
    except Unreachable as error:
        hint = "Next: start it with llm-connect serve, or fix --url."
        raise CommandError(NO_ANSWER, "unreachable", url, f"{error}; no further check was made", hint) from None
    except ValueError:
        raise click.BadParameter(
            "is not an http or https URL without user, query and fragment", param_hint="--url"
        ) from None
    ok = all(check.ok for check in done)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [check.json() for check in done]}, indent=2))
    sys.exit(0 if ok else ANSWER_IS_NO)


def _token(path: str) -> Secret:
    try:
        found = FileKey(path, "--token-file", shape=TOKEN_SHAPE).read()
    except ConfigurationError as error:
        raise configuration_error(error, "no check was made", "token") from None
    assert found is not None  # noqa: S101 - a file that is not awaited is there, or a fault
    return found
