"""`llm-connect smoke`."""

from __future__ import annotations

import json
import sys

import click

from llm_connect.commands.stop import ANSWER_IS_NO, NO_ANSWER, Stop
from llm_connect.profiles import DEFAULT_PROFILE
from llm_connect.smoke import Unreachable, checks

EXAMPLES = """\b
Examples:
  llm-connect smoke --url http://127.0.0.1:8080
  llm-connect smoke --url http://llm-connect.activity-core.svc.cluster.local:8080 --json"""


@click.command("smoke", short_help="Check a running gateway.", epilog=EXAMPLES)
@click.option("--url", required=True, help="The gateway's address, as `serve` printed it.")
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="The profile to ask for.")
@click.option(
    "--timeout-seconds", default=310.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Per check."
)
@click.option("--json", "as_json", is_flag=True, help="One object with all checks instead of lines.")
def command(*, url: str, profile: str, timeout_seconds: float, as_json: bool) -> None:
    """Check a running gateway: alive, ready, and one real answer that has the fields it was asked for.

    Exit codes: 0 all ok, 1 a check failed, 3 nothing answers at the URL.
    """
    done = []
    try:
        for check in checks(url.rstrip("/"), profile, timeout_seconds):
            done.append(check)
            if not as_json:
                click.echo(check.line())
    except Unreachable as error:
        hint = "Next: start it with llm-connect serve, or correct --url."
        raise Stop(NO_ANSWER, "unreachable", url, f"{error}; no further check was made", hint) from None
    except ValueError:
        raise click.BadParameter("is no http or https URL", param_hint="--url") from None
    ok = all(check.ok for check in done)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [check.json() for check in done]}, indent=2))
    sys.exit(0 if ok else ANSWER_IS_NO)
