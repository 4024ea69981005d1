"""The entry point: makes the three streams usable, then runs the command line."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper


def run() -> None:
    """Run the command line; only text and an exit code leave it, even when it is interrupted while loading."""
    _run("warden.cli.main")


def run_ssh() -> None:
    """Run ssh with a certificate, in the same way."""
    _run("warden.cli.ssh_wrapper")


def _run(module: str) -> None:
    try:
        _open_closed_streams()
        _print_utf8()
        import_module(module).run()
    except KeyboardInterrupt:
        from warden.present import terminal

        terminal.interrupted()
        sys.exit(130)


def _open_closed_streams() -> None:
    """After a shell's ``>&-`` Python has no stream at all: open one, so that printing does not fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for the rest of the run


def _print_utf8() -> None:
    """Print UTF-8 in every locale: a letter it lacks must not end a command that has already changed something."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
