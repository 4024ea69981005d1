"""The entry point: the shortest way for ``access LANE -- COMMAND`` and ``route show ID --json``, click's for all else.

Loading decides how long a command that does little takes. click and msgspec both load ``inspect``, msgspec only because
``typing_extensions``, which it can do without on every Python that warden supports, is installed.
"""

import os
import sys
from io import TextIOWrapper


def run() -> None:
    """Run the command line; nothing but an exit code and printed text leaves it, also while it is still loading."""
    try:
        _run()
    except KeyboardInterrupt:
        from warden.present import terminal

        terminal.interrupted()
        sys.exit(130)


def _run() -> None:
    _open_what_is_closed()
    _speak_utf8()
    _spare_typing_extensions()
    if "route" in sys.argv[1:4]:
        from warden.cli import fast_route as shortcut

        asked = shortcut.read(sys.argv[1:])
        if asked is not None:
            from warden.cli.exit_guard import guarded

            sys.exit(guarded(lambda: shortcut.run(asked)))
    from warden.cli import fast_access as become

    call = become.read(sys.argv[1:])
    if call is None:
        from warden.cli.main import run as everything

        everything()
    else:
        from warden.cli.exit_guard import guarded

        sys.exit(guarded(lambda: become.run(call)))


def _spare_typing_extensions() -> None:
    """Have msgspec take what it needs from ``typing``; whoever else wants the package finds it."""
    if "msgspec" in sys.modules or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # import system: None means "cannot be imported"
    try:
        import msgspec  # noqa: F401 - for its effect
    finally:
        del sys.modules["typing_extensions"]


def _open_what_is_closed() -> None:
    """A shell's ``>&-`` leaves no stream at all: what would be printed goes nowhere, as was asked for."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for the rest of the run


def _speak_utf8() -> None:
    """Whatever the locale: a word that it has no letter for must not end a command that has already done something."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
