"""At which mount a person logs in, as which role, and how the login comes back from the browser.

OpenBao, auth/jwt: a role has one ``callback_mode``. On loopback OpenBao compares redirect addresses without their port
(RFC 8252, section 7.3); many providers compare it as well, so that the declared one is used.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import NamedActor, PersonIdentity
from warden.core.lanes.lane import Callback, Lane, LoginMount, PeopleReader, RoleName
from warden.core.openbao.api import Identity
from warden.core.remedies import EditFile, LogInAs, OneOf, warden

USUAL_PORT = 8250
"""Where ``bao login`` listens."""
_ON_LOOPBACK = re.compile(r"http://localhost:(\d+)/oidc/callback")


class PersonLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login to be done with a browser; without a role, as the mount's default one.

    ``port`` is where the browser comes back to on this machine (``callback`` client). ``headless``: no browser is
    opened. ``subject`` is the lane or actor that it is for, ``owner`` the repository that a lane's custody is with.
    """

    mount: str
    role: str = ""
    callback: Callback = "client"
    port: int = USUAL_PORT
    headless: bool = False
    subject: str = ""
    owner: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line said; ``device``: the login is to come back through the provider."""

    mount: str = ""
    role: str = ""
    port: int = 0
    headless: bool = False
    device: bool = False


class NoPeople(msgspec.Struct, frozen=True):
    """Nobody who logs in with a browser may use that lane or actor, at that mount if one was named."""

    subject: str
    mount: str = ""


class SeveralLogins(msgspec.Struct, frozen=True):
    """People log in for it as several roles, or at several mounts."""

    subject: str
    roles: tuple[RoleName, ...]


class WhichMount(msgspec.Struct, frozen=True):
    """No login mount was named, and platform.yaml declares none, or several."""

    known: tuple[str, ...]


class NoBrowserHere(msgspec.Struct, frozen=True):
    """The people of the embedded platform log in at that mount without a browser."""

    mount: str


class CallbackDeclared(msgspec.Struct, frozen=True):
    """The roles of that mount are declared for another callback than ``device``."""

    mount: str
    callback: Callback


def choose(subject: Lane | NamedActor | None, wanted: Wanted, logins: Mapping[str, LoginMount]) -> PersonLogin:
    """The login that is meant. Raises `UsageError` where that is not clear."""
    role = _role_for(subject, wanted.mount) if subject else RoleName(_mount(wanted, logins), wanted.role)
    declared = logins.get(role.mount)
    callback = _callback(role.mount, declared, device=wanted.device)
    return PersonLogin(
        mount=role.mount,
        role=role.name,
        callback=callback,
        port=wanted.port or _port(declared or LoginMount()),
        headless=wanted.headless,
        subject=_name(subject) if subject else "",
        owner=subject.owners.custody.repo if isinstance(subject, Lane) else "",
    )


def _name(subject: Lane | NamedActor) -> str:
    return subject.id if isinstance(subject, Lane) else subject.name


def _role_for(subject: Lane | NamedActor, mount: str) -> RoleName:
    roles = tuple(dict.fromkeys(role for role in roles_of_people(subject) if role.mount == (mount or role.mount)))
    if not roles:
        show = warden("route show", subject.id) if isinstance(subject, Lane) else warden("inventory list")
        raise UsageError(
            NoPeople(_name(subject), mount), effect=Effect.NOTHING_ASKED, subject=_name(subject), remedy=(show,)
        )
    if len(roles) > 1:
        ways = tuple(warden("login", role.mount, role=role.name) for role in roles)
        raise UsageError(
            SeveralLogins(_name(subject), roles),
            effect=Effect.NOTHING_ASKED,
            subject=_name(subject),
            remedy=(OneOf(ways),),
        )
    return roles[0]


def roles_of_people(subject: Lane | NamedActor) -> tuple[RoleName, ...]:
    """The roles that people log in as to use a lane or an actor."""
    return tuple(role for role, _ in _people(subject))


def _people(subject: Lane | NamedActor) -> list[tuple[RoleName, PeopleReader | PersonIdentity]]:
    if isinstance(subject, Lane):
        people = [reader for reader in subject.readers if isinstance(reader, PeopleReader)]
        return [(RoleName(reader.mount, subject.role_of(reader)), reader) for reader in people]
    identities = subject.declared.identities
    return [(subject.role_of(each), each) for each in identities if isinstance(each, PersonIdentity | PeopleReader)]


def no_browser_here(subject: Lane | NamedActor | None, ask: PersonLogin) -> UsageError:
    """That this login takes no browser, and how the people who are declared for it log in; GROUP where none is."""
    found = [who for role, who in (_people(subject) if subject else ()) if role == RoleName(ask.mount, ask.role)]
    who = found[0] if found else None
    named = who.person if isinstance(who, PersonIdentity) else who.people if who else "GROUP"
    step = LogInAs(named, ask.mount, ask.role or "ROLE", person=isinstance(who, PersonIdentity))
    return UsageError(
        NoBrowserHere(ask.mount),
        effect=Effect.NOTHING_ASKED,
        system="OpenBao",
        subject=f"auth/{ask.mount}",
        remedy=(step,),
    )


def _mount(wanted: Wanted, logins: Mapping[str, LoginMount]) -> str:
    if wanted.mount:
        return wanted.mount
    if len(logins) != 1:
        remedy = tuple(warden("login", each) for each in logins) or (warden("login", "MOUNT"),)
        raise UsageError(WhichMount(tuple(logins)), effect=Effect.NOTHING_ASKED, remedy=(OneOf(remedy),))
    return next(iter(logins))


def _callback(mount: str, declared: LoginMount | None, *, device: bool) -> Callback:
    if not device:
        return declared.callback if declared else "client"
    if declared is not None and declared.callback != "device":
        edit = EditFile(file="platform.yaml", field=f"logins.{mount}.callback", value="device")
        raise UsageError(
            CallbackDeclared(mount, declared.callback),
            effect=Effect.NOTHING_ASKED,
            subject=mount,
            remedy=(edit, warden("apply", "LANE")),
        )
    return "device"


def _port(login: LoginMount) -> int:
    found = (_ON_LOOPBACK.fullmatch(each) for each in login.redirect_uris)
    return next((int(each[1]) for each in found if each), USUAL_PORT)


class LoggedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is after a login, until when (ISO 8601 UTC), and what is declared to be for that role."""

    who: Identity
    until: str
    lanes: tuple[str, ...]
    actors: tuple[str, ...]


def opened(who: Identity, subjects: Iterable[Lane | NamedActor]) -> tuple[str, ...]:
    """Those of the lanes or actors that are declared for the role that somebody logged in as."""
    return tuple(sorted(_name(each) for each in subjects if RoleName(who.mount, who.role) in roles_of_people(each)))
