"""``warden access LANE -- COMMAND``, from its words to exec, without click: the shortest way, for it is run most.

`read` understands what is written correctly and gives everything else to click (`cli.access`), which says what is
wrong. A test holds the two against each other.
"""

from collections.abc import Iterator
from typing import NoReturn

import msgspec

from warden.cli import wiring
from warden.cli.exit_guard import own_fault
from warden.core.errors import CannotRun, CommandNotFound, Exit, UsageError, WardenError
from warden.core.lanes.lane import Lane
from warden.present import terminal

_VALUED = {"--as": "via", "--reason": "reason", "--token-file": "token_file"}
VIAS = ("env", "fd")


class Call(msgspec.Struct, kw_only=True):
    """What was asked for: the words of the need, the command behind ``--``, and how."""

    need: list[str] = []
    command: list[str] = []
    platform: str | None = None
    via: str = "env"
    reason: str = ""
    token_file: str | None = None
    as_json: bool = False


def read(argv: list[str]) -> Call | None:
    """The call that ``warden ARGV`` is, where it is one of ``access`` with a command; ``None``: click's to read."""
    if "--" not in argv:
        return None
    at = argv.index("--")
    call = Call(command=argv[at + 1 :])
    rest = _after_platform(argv[:at], call)
    if not call.command or rest[:1] != ["access"]:
        return None
    words = iter(rest[1:])
    for word in words:
        if not _take(word, words, call):
            return None
    return call if call.need and call.via in VIAS else None


def _after_platform(words: list[str], call: Call) -> list[str]:
    """What follows the options of ``warden`` itself."""
    if words[:1] == ["--platform"] and len(words) > 1:
        call.platform = words[1]
        return words[2:]
    if words and words[0].startswith("--platform="):
        call.platform = words[0].partition("=")[2]
        return words[1:]
    return words


def _take(word: str, words: Iterator[str], call: Call) -> bool:
    """Take one word, and its value where it has one, into the call."""
    if not word.startswith("-"):
        call.need.append(word)
        return True
    if word == "--json":
        call.as_json = True
        return True
    name, equals, value = word.partition("=")
    if name not in _VALUED:
        return False
    given = value if equals else next(words, None)
    if given is None:
        return False
    setattr(call, _VALUED[name], given)
    return True


def run(call: Call) -> int:
    """Become the command; what comes back is the exit code of not having done so."""
    try:
        _become(call)
    except WardenError as fault:
        terminal.error(fault, as_json=call.as_json)
        return int(fault.exit if isinstance(fault, (CannotRun, CommandNotFound)) else Exit.NOT_STARTED)
    except Exception as fault:  # noqa: BLE001 - a traceback could quote a value
        terminal.error(own_fault(fault), as_json=call.as_json)
        return int(Exit.NOT_STARTED)


def _become(call: Call) -> NoReturn:
    from warden.usecases import access

    if not call.command:
        raise UsageError(
            "it takes either a COMMAND behind -- or --fetch FIELD. Nothing was read.",
            hint="warden access LANE -- COMMAND, or warden access LANE --fetch FIELD",
        )
    platform = wiring.platform_at(call.platform)
    lane = the_lane(platform, " ".join(call.need))
    access.run(
        access.Ask(
            lane=lane, via="fd" if call.via == "fd" else "env", reason=one_line(call.reason), command=call.command[0]
        ),
        call.command,
        caller=wiring.caller(call.token_file),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
        runner=wiring.runner(),
    )


def one_line(reason: str) -> str:
    """A reason without line breaks and doubled spaces. Raises `UsageError` where it holds a secret: it is journaled."""
    said = " ".join(reason.split())
    if said:
        from secret_scan import scan

        if found := scan(said):
            raise UsageError(
                f"--reason holds secret material ({found[0].kind}), and the journal is permanent. Nothing was done.",
                hint="leave the value out: name the ticket, or where it was seen",
            )
    return said


def the_lane(platform: str, need: str) -> Lane:
    """The lane that is meant: by its id, or as the only entry that answers the need. Raises `UsageError` elsewise."""
    found = wiring.entries(platform, need)
    if len(found) > 1:
        raise UsageError(
            f'"{need}" may mean {", ".join(each.id for each in found)}. Nothing was read.',
            system="platform",
            subject=need,
            hint=f"Name the one: warden access {found[0].id}",
        )
    if isinstance(found[0], Lane):
        return found[0]
    raise UsageError(
        f"{found[0].id} is no lane: warden keeps no value there. Nothing was read.",
        system="platform",
        subject=found[0].id,
        hint=f"warden access {found[0].id}",
    )
