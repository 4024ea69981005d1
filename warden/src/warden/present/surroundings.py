"""What the command lines that are shown depend on: the options that the caller gave, and whose OpenBao it is."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import NamedTuple

from warden.core.remedies import BaoAction, LogInAs, RunBao, RunWarden

_WITHOUT_PLATFORM = frozenset({"completion", "dev", "help", "init", "journal"})
"""The commands that use no platform directory."""
EMBEDDED_LOGIN = "netkingdom"
"""The mount at which the people of an embedded platform log in."""


class Surroundings(NamedTuple):
    """What the command line said, and where it was called.

    ``platform`` and ``env`` are what those options said; ``embedded`` answers whether BAO_ADDR is the embedded
    platform. ``environment`` is the one that was chosen, however; empty where there is none.
    """

    platform: str = ""
    embedded: Callable[[], bool] = lambda: False
    env: str = ""
    environment: str = ""


HERE: ContextVar[Surroundings] = ContextVar("surroundings", default=Surroundings())  # noqa: B039 - it is immutable


def platform_for(step: RunWarden) -> str:
    """The directory to name in the command line, so that it works where it is pasted."""
    if step.platform or step.command.partition(" ")[0] in _WITHOUT_PLATFORM:
        return step.platform
    return HERE.get().platform


def environment_for(step: RunWarden) -> str:
    """The environment to name in the command line, for the same reason."""
    return "" if step.command.partition(" ")[0] in _WITHOUT_PLATFORM else HERE.get().env


def environment() -> str:
    """The environment that the command is for."""
    return HERE.get().environment


def named_environment() -> dict[str, str]:
    """``environment`` for a JSON document, where the platform has environments."""
    return {"environment": environment()} if environment() else {}


def entered(name: str) -> None:
    """From now on the command is for this environment."""
    HERE.set(HERE.get()._replace(environment=name))


def login(step: LogInAs) -> RunWarden:
    """How one of these people logs in: at the embedded platform, which has no browser to do it in, by a command."""
    role = (("role", step.role),) if step.role else ()
    if step.mount != EMBEDDED_LOGIN or not HERE.get().embedded():
        return RunWarden("login", (step.mount,), role)
    who, group = (step.people, ()) if step.person else ("NAME", (("group", step.people),))
    return RunWarden("dev login", (f"person:{who}",), (*group, *role))


_EMBEDDED: Mapping[BaoAction, RunWarden] = {
    "login-default": RunWarden("dev login", ("platform",)),
    "unseal": RunWarden("dev up"),
}
"""What is done by another command at the embedded platform: it knows its people and keeps its own unseal key."""


def as_done_here(step: RunBao) -> RunBao | RunWarden:
    """The step, or what does the same at the embedded platform; a login is warden's own command elsewhere, too."""
    instead = _EMBEDDED.get(step.action)
    if instead and HERE.get().embedded():
        return instead
    return RunWarden("login") if step.action == "login-default" else step
