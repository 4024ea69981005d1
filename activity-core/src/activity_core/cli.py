"""The command line. Each command is a module, imported when it is run; only text and an exit code leave."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import cast

import click

from activity_core import render
from activity_core.faults import Exit, Fault, NoAnswer

_COMMANDS = {
    "triage": "activity_core.commands.triage",
    "runs": "activity_core.commands.runs",
    "schema": "activity_core.commands.schema",
    "exit-codes": "activity_core.commands.exit_codes",
}
_TERMINATED = 143  # 128 + SIGTERM
_READER_LEFT = 141  # 128 + SIGPIPE, as a shell shows it

EXAMPLES = """\b
Examples:
  LLM_CONNECT_URL=http://127.0.0.1:8080 activity-core triage --digest samples/tuesday.json
  activity-core runs"""


class Commands(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name."""
        module = _COMMANDS.get(cmd_name)
        return cast("click.Command", importlib.import_module(module).command) if module else None


@click.command(
    cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="activity-core", message="activity-core %(version)s")
def main() -> None:
    """The daily triage: from a digest of what is going on to a ranked list of what to do, through llm-connect.

    It recommends and never acts.
    """


class Terminated(SystemExit):
    """SIGTERM, as a cluster sends it: what is under way ends as with Ctrl-C, and is recorded."""


def _terminated(_number: int, _frame: object) -> None:
    raise Terminated


def run() -> None:
    """The entry point; ends the process with the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_guarded(sys.argv[1:]))


def _guarded(argv: list[str]) -> int:
    try:
        code = _dispatch(argv)
        render.flush()
    except BrokenPipeError:
        render.forget_stdout()
        return _READER_LEFT
    except OSError as fault:
        render.forget_stdout()
        render.note(f"activity-core: standard output cannot be written ({os.strerror(fault.errno or 0).lower()}).")
        return int(Exit.INCONCLUSIVE)
    except Terminated:
        render.note("activity-core: interrupted (SIGTERM).")
        return _TERMINATED
    except KeyboardInterrupt:
        render.note("activity-core: interrupted.")
        return int(Exit.INTERRUPTED)
    return code


def _dispatch(argv: list[str]) -> int:
    as_json = "--json" in argv
    try:
        code = main.main(argv, prog_name="activity-core", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as fault:
        fault.show()
        return int(Exit.USAGE)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as fault:
        render.usage(fault, as_json=as_json)
        return int(Exit.USAGE)
    except Fault as fault:
        render.fault(fault, as_json=as_json)
        return int(fault.exit)
    except (OSError, KeyboardInterrupt, click.exceptions.Exit):
        raise
    except Exception as fault:  # noqa: BLE001 - the last line of defence: a traceback could quote a digest or a token
        render.fault(_own(fault), as_json=as_json)
        return int(Exit.INCONCLUSIVE)
    return code if isinstance(code, int) else 0


def _own(fault: Exception) -> Fault:
    """A fault of this program: its kind and place, never its text."""
    where, trace = "", fault.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}activity_core{os.sep}" in code.co_filename:
            where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    message = (
        f"this is a fault in activity-core itself ({type(fault).__name__} at {where}); what it was doing is not done."
    )
    return NoAnswer("own-fault", message, system="activity-core", hint="please report the line above")
