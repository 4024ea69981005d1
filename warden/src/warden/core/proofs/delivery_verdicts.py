"""What was observed of one delivery -> Verdicts: did OpenBao's value arrive, who read it, and who else can see it.

External Secrets Operator's own state is never believed by itself: "synced" counts when a refresh that was requested
just now was followed, and what was delivered is known from OpenBao's audit line of that very read. The value in the
Secret and the value in that line are compared by the keyed hash of the audit device, so that nobody reads it a
second time.
"""

from collections.abc import Iterator, Sequence

from warden.core.access.value_check import Doubt, form_doubts
from warden.core.clusters.comparison import being_deleted, owned_by
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.lane import Stretch
from warden.core.openbao.api import Handed
from warden.core.openbao.values import is_number, is_text
from warden.core.plans.plan import SharedAccount
from warden.core.proofs import delivery_remedies as remedies
from warden.core.proofs.consumer_check import judge_consumer
from warden.core.proofs.delivery_details import (
    CopiesInClear,
    EmptyValues,
    ExternalSecretMissing,
    LoggedInClear,
    NewestUnknown,
    NoOtherDelivery,
    NoReadFound,
    NothingDelivered,
    NotOwned,
    NotRenewed,
    NumbersInClear,
    OwnedByOther,
    OwnerUnknown,
    ReadByOtherRole,
    ReadByOthers,
    RefreshFailed,
    SecretImmutable,
    SecretMissing,
    ValueDiffers,
    VersionDiffers,
)
from warden.core.proofs.delivery_observation import DeliveryObservation, Part
from warden.core.proofs.exposure_verdicts import judge_exposure
from warden.core.proofs.inspection import doubtful
from warden.core.proofs.probe_verdicts import fields_differ
from warden.core.proofs.states import Result
from warden.core.proofs.verdict import DeliveryProbe, Detail, Observation, Verdict
from warden.core.quoting import quoted
from warden.core.remedies import Remedy


def judge_delivery(seen: DeliveryObservation, handed: Sequence[Handed]) -> tuple[Verdict, ...]:
    """Every verdict on one delivery. `handed` are the reads of the lane's path that OpenBao answered."""
    if seen.target.by_hand:
        first = (*_made_by_hand(seen), *_value_made_by_hand(seen, handed))
    else:
        line = handed_over(seen, handed)
        first = (
            _synced(seen),
            *_shared_account(seen),
            _handed_out(seen, line, handed),
            _secret(seen),
            _value(seen, line),
            *_value_form(seen, line),
        )
    return (*first, *_plaintext(seen), *_consumers(seen), *judge_exposure(seen))


def handed_over(seen: DeliveryObservation, handed: Sequence[Handed]) -> Handed | None:
    """The newest read after the marker by the reader's own account of this cluster."""
    own = [
        line for line in handed if seen.marker and line.at >= seen.marker and line.uid and line.uid == seen.account_uid
    ]
    return own[-1] if own else None


def _verdict(
    seen: DeliveryObservation,
    probe: DeliveryProbe,
    result: Result,
    observed: Observation,
    detail: Detail | None = None,
    *,
    line: Handed | None = None,
    subject: str = "",
    version: int = 0,
    ms: float = 0.0,
    remedy: Remedy = (),
    stretch: Stretch = "custody",
) -> Verdict:
    return Verdict(
        probe=probe,
        reader=seen.target.label,
        cluster=seen.target.cluster,
        result=result,
        observed=observed,
        subject=subject,
        version=version,
        detail=detail,
        remedy=remedy,
        stretch=stretch,
        audit=line.id if line else "",
        at=line.at if line else "",
        ms=round(ms, 1),
    )


def _not_seen(seen: DeliveryObservation, probe: DeliveryProbe, part: Part, subject: str = "") -> Verdict:
    return _verdict(seen, probe, "inconclusive", "not-seen", seen.unobserved[part], subject=subject)


# -- the refresh ------------------------------------------------------------------------------------------------------


def _synced(seen: DeliveryObservation) -> Verdict:
    target, sync = seen.target, seen.sync
    if sync is None:
        return _verdict(seen, "synced", "inconclusive", "not-seen", seen.unobserved.get("refresh"))
    if sync.followed == "absent":
        missing = ExternalSecretMissing(target.delivery.secret)
        return _verdict(seen, "synced", "wrong", "none", missing, remedy=remedies.apply(target))
    if sync.followed == "silent":
        detail, remedy = sync.silence, remedies.look_at_operator(target)
        return _verdict(seen, "synced", "inconclusive", "no-answer", detail, remedy=remedy)
    if sync.followed == "failed":
        failed = RefreshFailed(quoted(sync.reply))
        return _verdict(seen, "synced", "wrong", "not-synced", failed, remedy=remedies.failed_refresh(seen))
    return _verdict(seen, "synced", "ok", "synced", ms=sync.ms)


def _shared_account(seen: DeliveryObservation) -> Iterator[Verdict]:
    """A shared account is allowed, and reported in each proof."""
    if seen.target.shared:
        account = str(seen.target.reader.workload)
        detail = SharedAccount(account, seen.target.namespace)
        yield _verdict(seen, "shared-account", "ok", "shared", detail, subject=account)


# -- who read it ------------------------------------------------------------------------------------------------------


def _handed_out(seen: DeliveryObservation, line: Handed | None, handed: Sequence[Handed]) -> Verdict:
    if line is None:
        return _not_handed_out(seen, handed)
    target, account, (before, after) = seen.target, str(seen.target.reader.workload), seen.versions
    result: Result = "ok"
    observed: Observation = "version"
    detail: Detail | None = None
    remedy: Remedy = ()
    if "version" in seen.unobserved:
        result, observed = "inconclusive", "not-seen"
        detail = NewestUnknown(line.version, seen.unobserved["version"])
    elif not before <= line.version <= after:
        result, detail, remedy = "wrong", VersionDiffers(line.version, after), remedies.put_or_apply(seen)
    elif line.role and line.role != target.role:
        result, observed = "wrong", "other-role"
        detail, remedy = ReadByOtherRole(line.role, target.role), remedies.apply(target)
    return _verdict(
        seen,
        "handed-out",
        result,
        observed,
        detail,
        line=line,
        subject=account,
        version=line.version,
        remedy=remedy,
    )


def _not_handed_out(seen: DeliveryObservation, handed: Sequence[Handed]) -> Verdict:
    account = str(seen.target.reader.workload)
    for part in ("audit", "account"):
        if part in seen.unobserved:
            return _not_seen(seen, "handed-out", part, account)
    if not _synced_now(seen):
        return _verdict(seen, "handed-out", "inconclusive", "not-seen", NothingDelivered(), subject=account)
    others = tuple(sorted({each.account or each.display_name for each in handed if each.at >= seen.marker}))
    detail = ReadByOthers(others, account, exists=bool(seen.account_uid)) if others else NoReadFound()
    observed: Observation = "other" if others else "not-asked"
    remedy = remedies.apply(seen.target)
    return _verdict(seen, "handed-out", "wrong", observed, detail, subject=account, remedy=remedy)


def _synced_now(seen: DeliveryObservation) -> bool:
    return seen.sync is not None and seen.sync.followed == "synced"


# -- the Secret and its value -----------------------------------------------------------------------------------------


def _secret(seen: DeliveryObservation) -> Verdict:
    target, secret = seen.target, seen.secret
    if "secret" in seen.unobserved:
        return _not_seen(seen, "secret", "secret")
    if secret is None:
        absent = seen.sync is not None and seen.sync.followed == "absent"
        remedy = remedies.apply(target) if absent else remedies.sync(target)
        return _verdict(seen, "secret", "wrong", "none", SecretMissing(target.delivery.secret), remedy=remedy)
    if seen.external is None and "refresh" in seen.unobserved:
        unknown = OwnerUnknown(seen.unobserved["refresh"])
        return _verdict(seen, "secret", "inconclusive", "not-seen", unknown)
    return _secret_contents(seen, secret)


def _secret_contents(seen: DeliveryObservation, secret: SecretObservation) -> Verdict:
    target = seen.target
    if ending := being_deleted(secret.metadata):
        remedy = remedies.finish_deletion(target, ending)
        return _verdict(seen, "secret", "wrong", "being-deleted", ending, remedy=remedy)
    if not owned_by({"metadata": secret.metadata}, seen.external):
        owner = remedies.owner(seen)
        detail = OwnedByOther(owner) if owner else NotOwned()
        return _verdict(seen, "secret", "wrong", "not-owned", detail, remedy=remedies.take_from(seen, owner))
    if secret.immutable:
        return _verdict(seen, "secret", "wrong", "immutable", SecretImmutable(), remedy=remedies.remake(target))
    if differ := fields_differ(target.lane.custody.fields, secret.values):
        return _verdict(seen, "secret", "wrong", "differs", differ, remedy=remedies.sync(target))
    return _verdict(seen, "secret", "ok", "as-declared")


def _value(seen: DeliveryObservation, line: Handed | None) -> Verdict:
    if line is None or seen.secret is None or not _synced_now(seen):
        return _verdict(seen, "value", "inconclusive", "not-seen", NothingDelivered())
    if "hashes" in seen.unobserved:
        return _not_seen(seen, "value", "hashes")
    clear = tuple(sorted(field for field, hashed in line.hashes.items() if not hashed))
    if clear:
        remedy = remedies.hide_and_rotate(seen.target)
        return _verdict(seen, "value", "wrong", "in-clear", LoggedInClear(clear), line=line, remedy=remedy)
    return _compared(seen, line, remedies.sync(seen.target))


def _compared(seen: DeliveryObservation, line: Handed, remedy: Remedy) -> Verdict:
    """Whether each field of the Secret holds the value of that line, by the keyed hash of the audit device."""
    other = [each for each in sorted(seen.target.lane.custody.fields) if not _is_same(seen, line, each)]
    if other and all(_is_empty(seen, each) for each in other):
        empty, put = EmptyValues(tuple(other)), remedies.put(seen.target, other)
        return _verdict(seen, "value", "inconclusive", "not-seen", empty, line=line, remedy=put)
    if other:
        detail = ValueDiffers(tuple(other), line.version)
        return _verdict(seen, "value", "wrong", "other-value", detail, line=line, remedy=remedy)
    numbers = tuple(each for each in seen.target.lane.custody.fields if is_number(line.hashes[each]))
    remark = NumbersInClear(numbers) if numbers else None
    return _verdict(seen, "value", "ok", "version", remark, line=line, version=line.version)


def _is_same(seen: DeliveryObservation, line: Handed, field: str) -> bool:
    logged = line.hashes.get(field)
    return bool(logged) and logged in {seen.hashes.get(field), seen.fingerprints.get(field)}


def _is_empty(seen: DeliveryObservation, field: str) -> bool:
    value = seen.secret.values.get(field) if seen.secret else None
    return value is not None and not value.reveal()


def _value_form(seen: DeliveryObservation, line: Handed | None) -> Iterator[Verdict]:
    """What is delivered, and is what OpenBao holds, is looked at where it is; it was in memory to be compared."""
    if line is None or seen.secret is None:
        return
    doubts = {
        field: _doubts(field, value.reveal(), line.hashes.get(field, ""))
        for field, value in seen.secret.values.items()
        if field in seen.target.lane.custody.fields and (_is_same(seen, line, field) or _is_nothing(seen, line, field))
    }
    if detail := doubtful(doubts):
        remedy = remedies.put(seen.target, [each.field for each in detail.fields])
        yield _verdict(seen, "value-form", "wrong", "doubtful", detail, line=line, version=line.version, remedy=remedy)
    elif doubts:
        yield _verdict(seen, "value-form", "ok", "version", line=line, version=line.version)


def _doubts(field: str, value: str, logged: str) -> tuple[Doubt, ...]:
    """OpenBao may hold something else than the text that is delivered for it."""
    return (Doubt.NOT_TEXT,) if logged and value and not is_text(logged) else form_doubts(value, field)


def _is_nothing(seen: DeliveryObservation, line: Handed, field: str) -> bool:
    return _is_empty(seen, field) and not is_text(line.hashes.get(field, ""))


def _plaintext(seen: DeliveryObservation) -> Iterator[Verdict]:
    if seen.secret is None:
        return
    keys = tuple(seen.secret.exposed_in)
    if keys:
        remedy = remedies.remove_annotation(seen.target, keys[0])
        yield _verdict(seen, "plaintext", "wrong", "in-clear", CopiesInClear(keys), remedy=remedy)
    else:
        yield _verdict(seen, "plaintext", "ok", "none")


# -- made by hand -----------------------------------------------------------------------------------------------------


def _made_by_hand(seen: DeliveryObservation) -> Iterator[Verdict]:
    target, secret = seen.target, seen.secret
    if "secret" in seen.unobserved:
        yield _not_seen(seen, "by-hand", "secret")
    elif secret is None:
        missing = SecretMissing(target.delivery.secret)
        yield _verdict(seen, "by-hand", "wrong", "none", missing, remedy=remedies.declare_external_secret(target))
    elif ending := being_deleted(secret.metadata):
        remedy = remedies.finish_deletion(target, ending)
        yield _verdict(seen, "by-hand", "wrong", "being-deleted", ending, remedy=remedy)
    elif owner := remedies.owner(seen):
        detail, remedy = OwnedByOther(owner), remedies.adopt(target)
        yield _verdict(seen, "by-hand", "wrong", "not-by-hand", detail, remedy=remedy)
    elif differ := fields_differ(target.lane.custody.fields, secret.values):
        remedy = remedies.edit_secret(target) if differ.extra else remedies.adopt(target)
        yield _verdict(seen, "by-hand", "wrong", "differs", differ, remedy=remedy)
    else:
        yield _verdict(seen, "by-hand", "ok", "by-hand", NotRenewed(), remedy=remedies.adopt(target))


def _value_made_by_hand(seen: DeliveryObservation, handed: Sequence[Handed]) -> Iterator[Verdict]:
    """Compared with what OpenBao handed out to anybody, if that was the newest version; otherwise it is not known."""
    if seen.secret is None or "secret" in seen.unobserved or remedies.owner(seen):
        return
    remedy = remedies.adopt(seen.target)
    newest = [line for line in handed if line.version == seen.versions[1]]
    if "hashes" in seen.unobserved or not newest:
        detail = seen.unobserved.get("hashes") or NoOtherDelivery()
        yield _verdict(seen, "value", "inconclusive", "not-seen", detail, remedy=remedy)
    else:
        yield _compared(seen, newest[-1], remedy)
        yield from _value_form(seen, newest[-1])


# -- who runs with it -------------------------------------------------------------------------------------------------


def _consumers(seen: DeliveryObservation) -> Iterator[Verdict]:
    for consumer in seen.consumers:
        found = judge_consumer(consumer, seen.target.secret, seen.secret, seen.marker)
        yield _verdict(
            seen,
            "consumer",
            found.result,
            found.observed,
            found.detail,
            subject=consumer.name,
            remedy=() if found.result == "ok" else remedies.consumer(seen.target, consumer, found.observed),
            stretch="custody" if found.observed == "no-secret" else "consumer",
        )
