"""ssh ca: the keys that hosts are to trust, and the steps by which a key of OpenBao's is replaced.

    make     a new key is made, and does not sign; hosts are told to trust it beside the old one
    switch   it signs; what the old one signed stays valid
    remove   the old key is deleted, once nothing that it signed is valid any more

Which step is next follows from the engine's keys alone, so each run does one, and one that was killed is done again.
"""

import datetime as dt
from collections.abc import Callable, Iterable

import msgspec

from warden.core.errors import Effect, NotNow, UsageError
from warden.core.inventory.inventory import DeclaredAuthority, Inventory, Purpose
from warden.core.journal.operations import abandoned, killed
from warden.core.openbao.ssh_issuers import (
    Issuer,
    Step,
    current,
    in_order,
    incoming,
    named,
    next_name,
    next_step,
    outgoing,
)
from warden.core.remedies import warden
from warden.core.ssh.ca import (
    CaKey,
    KeyStep,
    NoKey,
    NotAnEngine,
    Rotated,
    Standing,
    StepNotConfirmed,
    StillValid,
    expect_authority,
    longest,
    valid_until,
)
from warden.core.ssh.issue_log import ISSUED, issued
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.certificates import Certificates
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.ssh_mounts import SshMounts
from warden.ports.vault import Vault
from warden.usecases.steps.recorded import begun, effect_so_far

LANE = "ssh-ca"
"""What the records are of."""


class CaTools(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps work with."""

    inventory: Inventory
    vault: Vault
    journal: Journal
    certificates: Certificates
    clock: Clock


def keys(
    purposes: Iterable[Purpose],
    inventory: Inventory,
    vault: Callable[[], Vault],
    local: Callable[[DeclaredAuthority], CertificateAuthority],
    certificates: Certificates,
) -> list[CaKey]:
    """The keys of each authority that is declared; the one that signs comes first. Raises as the ports do."""
    found = []
    for purpose in purposes:
        declared = inventory.authorities.of(purpose)
        if declared is None:
            continue
        if declared.openbao:
            found += _engine_keys(purpose, declared.openbao, vault(), certificates)
            extra = declared.also_trusted
        else:
            authority = local(declared)
            signs, *rest = authority.public_keys()
            found.append(_key(signs, certificates, purpose=purpose, where=authority.where, standing="signs"))
            extra = tuple(rest)
        found += [
            _key(line, certificates, purpose=purpose, where="inventory.yaml", standing="trusted") for line in extra
        ]
    return found


def _engine_keys(purpose: Purpose, mount: str, vault: Vault, certificates: Certificates) -> list[CaKey]:
    issuers = _issuers(mount, vault.ssh())
    return [_key_of(purpose, mount, each, issuers, certificates) for each in in_order(issuers)]


def _issuers(mount: str, ssh: SshMounts) -> tuple[Issuer, ...]:
    """The keys of an engine. Raises `UsageError` where none of them signs."""
    found = ssh.issuers(mount)
    if current(found) is None:
        raise UsageError(NoKey(mount), system="OpenBao", subject=mount, remedy=(warden("apply", all=True),))
    return found


def _key_of(
    purpose: Purpose, mount: str, issuer: Issuer, issuers: tuple[Issuer, ...], certificates: Certificates
) -> CaKey:
    standing: Standing = "signs" if issuer.signs else "outgoing" if issuer in outgoing(issuers) else "incoming"
    where, name = f"OpenBao {mount}/", named(issuer)
    return _key(issuer.public_key, certificates, purpose=purpose, where=where, standing=standing, name=name)


def _key(
    line: str, certificates: Certificates, *, purpose: Purpose, where: str, standing: Standing, name: str = ""
) -> CaKey:
    return CaKey(
        purpose=purpose,
        where=where,
        standing=standing,
        name=name,
        public_key=certificates.public_key(line),
        fingerprint=certificates.fingerprint(line),
    )


def rotate(purpose: Purpose, tools: CaTools, *, yes: bool, now: bool = False) -> Rotated:
    """Do the next step. `yes`: hosts were told; `now`: the old key goes although something it signed may be valid.

    Raises:
        UsageError: the authority is not in OpenBao, its engine has no key, or the step was not agreed to.
        NotNow: something that the old key signed is still valid.
        Refused, Inconclusive: OpenBao did not do it.
        JournalUnwritable: nothing was changed, unless its effect says otherwise.
    """
    mount = _engine(purpose, tools.inventory)
    ssh = tools.vault.ssh()
    issuers = _issuers(mount, ssh)
    step, key = _planned(issuers)
    if step == "remove" and not now:
        _expect_over(purpose, issuers, tools)
    if step != "make" and not yes:
        again = warden("ssh ca rotate", for_=purpose, now=now and step == "remove", yes=True)
        problem = StepNotConfirmed(step=step, mount=mount, name=named(key))
        raise UsageError(problem, effect=Effect.NOTHING_CHANGED, system="OpenBao", subject=mount, remedy=(again,))
    _end_killed(mount, issuers, tools.journal)
    what = {
        "system": tools.vault.address,
        "identity": tools.vault.identity().as_json(),
        "mount": mount,
        "step": step,
        "name": key.name,
        "fingerprint": tools.certificates.fingerprint(key.public_key) if key.public_key else "",
    }
    with begun("ssh-ca", LANE, what, tools.journal) as done:
        key = _done(step, mount, key, ssh)
        with effect_so_far(KeyStep(step=step, name=named(key))):
            record = tools.journal.record("ssh-ca.done", LANE, done)
    after = ssh.issuers(mount)
    return Rotated(
        purpose=purpose,
        mount=mount,
        step=step,
        key=_key_of(purpose, mount, key, (*after, key), tools.certificates),
        keys=tuple(_key_of(purpose, mount, each, after, tools.certificates) for each in in_order(after)),
        record=record,
        until=_until(purpose, after, tools),
    )


def _done(step: Step, mount: str, key: Issuer, ssh: SshMounts) -> Issuer:
    """The key as it is afterwards."""
    if step == "make":
        return ssh.new_issuer(mount, key.name, signs=False)
    if step == "switch":
        ssh.switch_to(mount, key)
        return msgspec.structs.replace(key, signs=True)
    ssh.delete_issuer(mount, key)
    return key


def _engine(purpose: Purpose, inventory: Inventory) -> str:
    declared = expect_authority(purpose, inventory, Effect.NOTHING_CHANGED)
    if declared.openbao:
        return declared.openbao
    where = declared.key or declared.agent or (declared.pkcs11.library if declared.pkcs11 else "")
    raise UsageError(NotAnEngine(purpose, where), effect=Effect.NOTHING_CHANGED, system="platform", subject=purpose)


def _planned(issuers: tuple[Issuer, ...]) -> tuple[Step, Issuer]:
    """The next step, and the key it is about; of one that is still to be made, only its name."""
    step = next_step(issuers)
    if step == "switch":
        found = incoming(issuers)
        assert found is not None  # noqa: S101 - it is what makes the step the next one
        return step, found
    if step == "remove":
        return step, outgoing(issuers)[0]
    return step, Issuer(id="", name=next_name(issuers), public_key="", signs=False)


def _expect_over(purpose: Purpose, issuers: tuple[Issuer, ...], tools: CaTools) -> None:
    until, old = _until(purpose, issuers, tools), named(outgoing(issuers)[0])
    if until == 0 or until > tools.clock().timestamp():
        wait = "run it again then" if until else "wait for the longest validity in inventory.yaml, then give --now"
        raise NotNow(
            StillValid(name=old, until=until),
            effect=Effect.NOTHING_CHANGED,
            system="OpenBao",
            subject=old,
            hint=f"{wait}; after a leak, --now deletes the key at once",
        )


def _until(purpose: Purpose, issuers: tuple[Issuer, ...], tools: CaTools) -> int:
    """When the last certificate of the oldest key ends; 0 where no old key is left, or it is not known.

    By this journal: others may know of more, so the longest validity after the switch counts as well. It has to be the
    switch to the key that signs now: an earlier one, or one of another engine, says nothing about the old key.
    """
    old, signs = outgoing(issuers), current(issuers)
    if not old or signs is None:
        return 0
    records = tools.journal.here(tools.journal.log(events=(ISSUED, "ssh-ca.done")))
    step = {"step": "switch", "fingerprint": tools.certificates.fingerprint(signs.public_key)}
    switches = [dt.datetime.fromisoformat(each.at) for each in records if step.items() <= each.body.items()]
    switched = int(max(switches).timestamp()) if switches else 0
    fingerprint = tools.certificates.fingerprint(old[0].public_key)
    return valid_until(fingerprint, issued(records), switched, longest(purpose, tools.inventory))


def _end_killed(mount: str, issuers: tuple[Issuer, ...], journal: Journal) -> None:
    """A step that was killed: which keys there are now says how far it came."""
    found = ", ".join(f"{named(each)}{' signs' if each.signs else ''}" for each in in_order(issuers))
    journal.record_all(
        [abandoned(each, found=found) for each in killed(journal.unfinished(LANE), "ssh-ca", mount=mount)]
    )
