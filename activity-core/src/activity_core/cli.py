"""The command line. Each command is a module, imported when it is run. Only text and an exit code leave."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import cast

import click

from activity_core.core.errors import Exit, TriageError, Unavailable
from activity_core.present import console

_COMMANDS = {
    "triage": "activity_core.commands.triage",
    "runs": "activity_core.commands.runs",
    "schema": "activity_core.commands.schema",
    "exit-codes": "activity_core.commands.exit_codes",
}
_TERMINATED = 143  # 128 + SIGTERM
_CLOSED_PIPE = 141  # 128 + SIGPIPE, as a shell reports it

EXAMPLES = """\b
Examples:
  export LLM_CONNECT_URL=http://127.0.0.1:8080
  activity-core triage --digest activity-core/samples/tuesday.json
  activity-core runs"""


class Commands(click.Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command with that name."""
        module = _COMMANDS.get(cmd_name)
        return cast("click.Command", importlib.import_module(module).command) if module else None


@click.command(
    cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="activity-core", message="activity-core %(version)s")
def main() -> None:
    """Turn a daily digest into a ranked list of what to do, through llm-connect.

    It recommends and never acts.
    """


class Terminated(SystemExit):
    """SIGTERM, as a cluster sends it. The run ends as with Ctrl-C, and is recorded."""


def _raise_terminated(_number: int, _frame: object) -> None:
    raise Terminated


def run() -> None:
    """The entry point. Ends the process with the exit code."""
    signal.signal(signal.SIGTERM, _raise_terminated)
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(argv: list[str]) -> int:
    try:
        code = _run_command(argv)
        console.flush()
    except BrokenPipeError:
        console.discard_stdout()
        return _CLOSED_PIPE
    except OSError as error:
        console.discard_stdout()
        console.note(f"activity-core: standard output cannot be written ({os.strerror(error.errno or 0).lower()}).")
        return int(Exit.INCONCLUSIVE)
    except Terminated:
        console.note("activity-core: interrupted (SIGTERM).")
        return _TERMINATED
    except KeyboardInterrupt:
        console.note("activity-core: interrupted.")
        return int(Exit.INTERRUPTED)
    return code


def _run_command(argv: list[str]) -> int:
    as_json = "--json" in argv
    try:
        code = main.main(argv, prog_name="activity-core", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return int(Exit.USAGE)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        console.usage_error(error, as_json=as_json)
        return int(Exit.USAGE)
    except TriageError as error:
        console.error(error, as_json=as_json)
        return int(error.exit)
    except (OSError, KeyboardInterrupt, click.exceptions.Exit):
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback could quote a digest or a token
        console.error(_bug(error), as_json=as_json)
        return int(Exit.INCONCLUSIVE)
    return code if isinstance(code, int) else 0


def _bug(error: Exception) -> TriageError:
    """A bug in this program: its type and place, never its text."""
    where, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}activity_core{os.sep}" in code.co_filename:
            where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    message = f"this is a bug in activity-core ({type(error).__name__} at {where}). The command was not completed."
    return Unavailable("own-fault", message, system="activity-core", hint="please report the line above")
