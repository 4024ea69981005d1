"""How a command ends when it cannot continue: the problem, its effect, the fix."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connect.common.errors import ConfigurationError, Fault

ANSWER_IS_NO = 1
USAGE_ERROR = 2
NO_ANSWER = 3


def is_json() -> bool:
    """Whether the command was called with --json, also if the rest of its line cannot be parsed."""
    return "--json" in sys.argv[1:]


class CommandError(click.ClickException):
    """Ends a command with an exit code; printed on standard error, as JSON if the command runs with --json."""

    def __init__(
        self, exit_code: int, kind: str, subject: str, message: str, hint: str, *, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance
        self.kind = kind
        self.subject = subject
        self.hint = hint
        self.faults = faults

    def show(self, file: Any = None) -> None:
        """Print it."""
        if is_json():
            fields = {"code": self.exit_code, "kind": self.kind, "system": "llm-connect", "subject": self.subject}
            faults = {"faults": [each.as_json() for each in self.faults]} if self.faults else {}
            text = json.dumps(fields | {"message": self.message, "hint": self.hint} | faults)
        else:
            text = f"llm-connect: {self.message}\n             {self.hint}"
        click.echo(text, file=file or sys.stderr)


def configuration_error(error: ConfigurationError, effect: str, what: str = "configuration") -> CommandError:
    """The end of a command whose configuration cannot be used."""
    message = f"the {what} cannot be used; {effect}\n  " + str(error).replace("\n", "\n  ")
    hint = "Next: fix the settings above, and run it again."
    return CommandError(USAGE_ERROR, "configuration", "environment", message, hint, faults=error.faults)


def usage_error(error: click.UsageError) -> CommandError:
    """The same for a command line that cannot be parsed, in the words of click."""
    path = error.ctx.command_path if error.ctx else "llm-connect"
    param = getattr(error, "param", None)
    subject = param.opts[0] if param is not None and param.opts else path
    return CommandError(USAGE_ERROR, "usage", subject, error.format_message(), f"Next: {path} --help")
