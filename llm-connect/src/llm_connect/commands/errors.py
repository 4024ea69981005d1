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
        if "--json" in sys.argv[1:]:
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
