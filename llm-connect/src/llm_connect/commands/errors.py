"""How a command ends when it cannot go on: what is so, what therefore did not happen, what to do."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connect.common.errors import ConfigurationError, Fault

ANSWER_IS_NO = 1
WRONG_USAGE = 2
NO_ANSWER = 3


class Stop(click.ClickException):
    """An end with an exit code; printed on standard error, as JSON when the command runs with --json."""

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
            named = {"faults": [each.as_json() for each in self.faults]} if self.faults else {}
            text = json.dumps(fields | {"message": self.message, "hint": self.hint} | named)
        else:
            text = f"llm-connect: {self.message}\n             {self.hint}"
        click.echo(text, file=file or sys.stderr)


def bad_configuration(error: ConfigurationError, what_not: str, what: str = "configuration") -> Stop:
    """The end for a ConfigurationError."""
    message = f"the {what} cannot be used; {what_not}\n  " + str(error).replace("\n", "\n  ")
    hint = "Next: correct what is named, and run it again."
    return Stop(WRONG_USAGE, "configuration", "environment", message, hint, faults=error.faults)
