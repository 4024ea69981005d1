"""``warden login``: become a person at OpenBao, with a browser."""

import os
import socket
import sys
from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_login, wiring_ssh
from warden.cli.clock import now
from warden.cli.options import json_option
from warden.cli.signals import ends_recorded
from warden.core.errors import Effect, Invalid, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.inventory.inventory import Inventory, NamedActor
    from warden.core.lanes.lane import Lane
    from warden.core.login.choice import LoggedIn, PersonLogin


@click.command()
@click.argument("mount", required=False)
@click.option("--lane", metavar="LANE", shell_complete=complete.lanes, help="As one who may read this lane.")
@click.option("--actor", metavar="ACTOR", shell_complete=complete.actors, help="As one who may sign for this actor.")
@click.option("--role", default="", metavar="ROLE", help="As this role of MOUNT; default: the mount's default role.")
@click.option("--headless", is_flag=True, help="Open no browser; default where this machine has no display.")
@click.option("--device", is_flag=True, help="Log in on any device, where the role's callback mode is device.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Where the browser comes back to on this machine; default: that of redirect_uris in platform.yaml, else 8250.",
)
@json_option
@click.pass_context
def login(
    ctx: click.Context,
    /,
    *,
    mount: str | None,
    lane: str | None,
    actor: str | None,
    role: str,
    headless: bool,
    device: bool,
    port: int | None,
    as_json: bool,
) -> None:
    """Log in to OpenBao with a browser, and say who you are and until when.

    The token is stored where `bao login` stores it. MOUNT is the auth mount; default: the lane's or actor's, or the
    only one of platform.yaml.

    \b
    Examples:
      warden login --lane whynot-design-npm-publish
      warden login netkingdom --role approve-security --headless

    \b
    Exit codes:
      3  OpenBao or the identity provider did not answer
      4  OpenBao refused the login: another group, another person
      5  nobody completed the login in time
    """
    from warden.core.login.choice import Wanted, choose, no_browser_here
    from warden.present import login as present
    from warden.present.surroundings import EMBEDDED_LOGIN

    if sum(map(bool, (lane, actor, role))) > 1:
        raise UsageError("give one of --lane, --actor and --role", effect=Effect.NOTHING_ASKED)
    declared = _Declared(wiring.platform_dir(ctx))
    path = (mount or "").strip("/").removeprefix("auth/")  # as OpenBao writes it, too
    wanted = Wanted(mount=path, role=role, port=port or 0, headless=headless or not _has_display(), device=device)
    subject = declared.subject(lane, actor)
    ask = choose(subject, wanted, declared.catalog.platform.logins)
    if ask.mount == EMBEDDED_LOGIN and wiring.at_embedded():
        raise no_browser_here(subject, ask)
    done = _log_in(ask, declared)
    if as_json:
        terminal.document(present.as_json(done))
    else:
        present.show(done)


def _log_in(ask: "PersonLogin", declared: "_Declared") -> "LoggedIn":
    from warden.present.login import PageShown
    from warden.usecases.login import login as usecase

    with ends_recorded():
        return usecase(
            ask,
            logins=wiring_login.person_logins(),
            caller=wiring.caller(None),
            clock=now,
            show=PageShown(ask, socket.gethostname()),
            lanes=declared.catalog.lanes.values(),
            actors=declared.actors,
        )


class _Declared:
    """What is declared: lanes, and actors where the inventory can be read."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self.catalog = wiring.catalog(platform)

    def subject(self, lane: str | None, actor: str | None) -> "Lane | NamedActor | None":
        """The lane or actor that was named."""
        from warden.core.ssh.decision import actor as named

        if lane:
            return self.catalog.lane(lane)
        return named(self._inventory(), actor) if actor else None

    @property
    def actors(self) -> "Sequence[NamedActor]":
        """Every actor; none where the inventory has errors, which are for `catalog check` to report."""
        try:
            return self._inventory().named_actors
        except Invalid:
            return ()

    def _inventory(self) -> "Inventory":
        return wiring_ssh.inventory(self._platform)


def _has_display() -> bool:
    """Whether a browser can be opened here."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
