"""The command line. Each command is a module that is imported when it is run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import cast

import click

from llm_connect import __version__
from llm_connect.commands.errors import is_json, usage_error

INTERRUPTED = 130
ANSWER_IS_NO = 1
_MODULES = {
    "serve": "llm_connect.commands.serve",
    "smoke": "llm_connect.commands.smoke",
    "profiles": "llm_connect.commands.profiles",
    "simulate-openrouter": "llm_connect.commands.simulate",
}
EXAMPLES = """\b
Examples:
  llm-connect serve --port 0
  llm-connect smoke --url http://127.0.0.1:8080

\b
Exit codes:
  0 done · 1 the answer is no · 2 usage or configuration error · 3 a system did not answer · 130 interrupted"""


class Commands(click.Group):
    """A group that imports a command only when it is needed: `profiles` needs no HTTP server."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command with that name."""
        module = _MODULES.get(cmd_name)
        return cast("click.Command", importlib.import_module(module).command) if module else None


@click.command(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="llm-connect %(version)s")
def main() -> None:
    """An LLM gateway that follows a rotated key: profiles, budgets, audit records, validated answers."""


def run() -> None:
    """The entry point; ends the process with the exit code."""
    try:
        code = main(prog_name="llm-connect", standalone_mode=False)
    except click.ClickException as error:
        shown = usage_error(error) if isinstance(error, click.UsageError) and is_json() else error
        shown.show()
        sys.exit(shown.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except OSError as error:  # a full disk or a closed pipe behind standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush does not fail again
        click.echo(f"llm-connect: cannot write to standard output ({error.strerror}).", err=True)
        sys.exit(ANSWER_IS_NO)
    sys.exit(code if isinstance(code, int) else 0)
