"""Which certificates are shown to an sshd of one's own: the right one, and others that differ from it in one thing.

They are signed by CAs of this run alone, which no other host knows.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from warden.core.inventory.inventory import CLOCK_SKEW, Inventory, NamedActor
from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.login_proof import LoginExpectation, LoginProbe
from warden.core.ssh.sshd_log import Reason

LASTS = 300
"""Seconds that a certificate of a proof is valid."""
LOOPBACK = "127.0.0.0/8"
NOWHERE = "192.0.2.0/24"
"""Addresses that nobody has (RFC 5737)."""
NOBODY = "warden-probe-nobody"
"""A principal that no host knows."""
FORCED, ASKED = "warden-forced", "warden-asked"
"""What a forced command prints that does nothing else, and what is asked for instead of it."""

NOTHING = "false"
"""A command that does nothing, where an actor has none that is forced."""

Signer = Literal["trusted", "other"]
"""A CA of this run that the sshd trusts, or one that it does not."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate to be shown, and what sshd has to say of it.

    ``other_key``: it is shown by somebody with another key. ``commands``: the host's ``command=`` for the principal
    prints `FORCED`, a command is asked for that prints `ASKED`, and the host is to run the former.
    """

    probe: LoginProbe
    spec: CertificateSpec
    signer: Signer = "trusted"
    expected: LoginExpectation = "refused"
    reason: Reason | None = None
    other_key: bool = False
    commands: bool = False
    subject: str = ""


def control(actor: NamedActor, public_key: str, now: int) -> CertificateSpec:
    """What is decided for the actor, for a login from this machine."""
    options = dict(actor.critical_options)
    if "source-address" in options:
        options["source-address"] = LOOPBACK
    return CertificateSpec(
        type="user",
        subject=actor.name,
        public_key=public_key,
        key_id=f"{actor.name} control",
        principals=actor.principals,
        valid_after=now - CLOCK_SKEW,
        valid_before=now + LASTS,
        critical_options=options,
        extensions=actor.extensions,
    )


def principals_line(actor: NamedActor, principal: str, forced: str = "") -> str:
    """The line for ``AuthorizedPrincipalsFile``: with the forced command, which no certificate can then leave out.

    The sshd of a proof runs as whoever proves, and takes the actor's own certificates, of which others have some: they
    log in to nothing. Without a forced command nothing can be run, and nothing can be forwarded in any case.
    """
    command = forced or actor.declared.force_command or NOTHING
    escaped = command.replace("\\", "\\\\").replace('"', '\\"')
    return f'restrict,command="{escaped}" {principal}'


def variants(actor: NamedActor, right: CertificateSpec, inventory: Inventory) -> Iterator[Variant]:
    """Each certificate that is to be shown, the right one first; `right` is the `control`."""
    yield Variant(probe="control", spec=right, expected="allowed")
    yield _variant("other-principal", "principal", right, principals=(NOBODY,))
    if other := stranger(actor, inventory):
        spec = _changed(right, "other-actor", subject=other.name, principals=other.principals)
        yield Variant(probe="other-actor", spec=spec, reason="principal", subject=other.name)
    window = {"valid_after": right.valid_after - 2 * LASTS, "valid_before": right.valid_before - 2 * LASTS}
    yield _variant("expired", "expired", right, **window)
    later = {"valid_after": right.valid_before, "valid_before": right.valid_before + LASTS}
    yield _variant("not-yet-valid", "not-yet-valid", right, **later)
    yield _variant("other-source", "source-address", right, critical_options=_with(right, "source-address", NOWHERE))
    yield from _of_command(actor, right)
    yield Variant(probe="other-ca", spec=_changed(right, "other-ca"), reason="not-listed", signer="other")
    yield _variant("host-certificate", "not-a-user-certificate", right, type="host", critical_options={}, extensions=())
    yield Variant(probe="other-key", spec=_changed(right, "other-key"), reason="not-listed", other_key=True)
    yield _variant("revoked", "revoked", right)


def strangers(actor: NamedActor, inventory: Inventory) -> list[NamedActor]:
    """The other actors of the inventory that share no principal with this one."""
    return [each for each in inventory.named_actors if not set(each.principals) & set(actor.principals)]


def stranger(actor: NamedActor, inventory: Inventory) -> NamedActor | None:
    """The first of them."""
    return next(iter(strangers(actor, inventory)), None)


def _of_command(actor: NamedActor, right: CertificateSpec) -> Iterator[Variant]:
    """For an actor with a forced command: a certificate with another one, and one without."""
    if not actor.declared.force_command:
        return
    yield _variant(
        "other-command", "command-differs", right, critical_options=_with(right, "force-command", f"echo {FORCED}")
    )
    bare = {name: text for name, text in right.critical_options.items() if name != "force-command"}
    spec = _changed(right, "no-command", critical_options=bare)
    yield Variant(probe="no-command", spec=spec, expected="allowed", commands=True)


def _variant(probe: LoginProbe, reason: Reason, right: CertificateSpec, **changed: object) -> Variant:
    return Variant(probe=probe, spec=_changed(right, probe, **changed), reason=reason)


def _changed(right: CertificateSpec, probe: LoginProbe, **changed: object) -> CertificateSpec:
    found = msgspec.structs.replace(right, **changed)
    return msgspec.structs.replace(found, key_id=f"{found.subject} {probe}")


def _with(spec: CertificateSpec, option: str, value: str) -> Mapping[str, str]:
    return {**spec.critical_options, option: value}
