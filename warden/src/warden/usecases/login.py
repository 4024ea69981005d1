"""login: become a person at OpenBao, with a browser.

The order: nothing names another identity that would be used instead, ``bao`` shows the page and stores the token, then
OpenBao says whose token is used from now on. There is no record of it in the journal: nothing of a lane changes, and
who cannot log in can do nothing else. OpenBao's audit log has the login, with X-Lane-Probe.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import closing

from warden.core.errors import Inconclusive
from warden.core.inventory.inventory import NamedActor
from warden.core.lanes.lane import Lane
from warden.core.login.answers import SomebodyElse, expect_not_overridden
from warden.core.login.choice import LoggedIn, PersonLogin, opened
from warden.ports.caller import Caller
from warden.ports.clock import Clock
from warden.ports.person_logins import LoginPage, PersonLogins


def login(
    ask: PersonLogin,
    *,
    logins: PersonLogins,
    caller: Caller,
    clock: Clock,
    show: Callable[[LoginPage], None],
    lanes: Iterable[Lane] = (),
    actors: Iterable[NamedActor] = (),
) -> LoggedIn:
    """Log in, and say who that is.

    Raises:
        UsageError: another identity is in the way, or the mount takes no such login.
        Refused: OpenBao refused it.
        NotNow: nobody completed it in time.
        Inconclusive: OpenBao or the provider did not answer, or the stored token is somebody else's.
    """
    expect_not_overridden(logins.in_the_way)
    with closing(logins.login(ask)) as pages:
        for page in pages:
            show(page)
    who = caller.vault().identity()
    if who.mount != ask.mount or who.role != (ask.role or who.role):
        other = SomebodyElse(mount=ask.mount, role=ask.role, found=who.path, found_role=who.role)
        raise Inconclusive(other, system="OpenBao", subject=f"auth/{ask.mount}")
    until = (clock() + dt.timedelta(seconds=who.ttl)).strftime("%Y-%m-%dT%H:%M:%SZ") if who.ttl else ""
    return LoggedIn(who=who, until=until, lanes=opened(who, lanes), actors=opened(who, actors))
