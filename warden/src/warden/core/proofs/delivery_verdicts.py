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
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.proofs.delivery_verdict import not_seen, verdict_on
from warden.core.proofs.exposure_verdicts import judge_exposure
from warden.core.proofs.inspection import doubtful
from warden.core.proofs.probe_verdicts import Judgement, fields_differ
from warden.core.proofs.verdict import Observation, Verdict
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


# -- the refresh ------------------------------------------------------------------------------------------------------


def _synced(seen: DeliveryObservation) -> Verdict:
    target, sync = seen.target, seen.sync
    if sync is None:
        return verdict_on(target, "synced", "inconclusive", "not-seen", seen.unobserved.get("refresh"))
    if sync.followed == "absent":
        missing = ExternalSecretMissing(target.delivery.secret)
        return verdict_on(target, "synced", "wrong", "none", missing, remedy=remedies.apply(target))
    if sync.followed == "silent":
        detail, remedy = sync.silence, remedies.look_at_operator(target)
        return verdict_on(target, "synced", "inconclusive", "no-answer", detail, remedy=remedy)
    if sync.followed == "failed":
        failed = RefreshFailed(quoted(sync.reply))
        return verdict_on(target, "synced", "wrong", "not-synced", failed, remedy=remedies.failed_refresh(seen))
    return verdict_on(target, "synced", "ok", "synced", ms=sync.ms)


def _shared_account(seen: DeliveryObservation) -> Iterator[Verdict]:
    """A shared account is allowed, and reported in each proof."""
    if seen.target.shared:
        account = str(seen.target.reader.workload)
        detail = SharedAccount(account, seen.target.namespace)
        yield verdict_on(seen.target, "shared-account", "ok", "shared", detail, subject=account)


# -- who read it ------------------------------------------------------------------------------------------------------


def _handed_out(seen: DeliveryObservation, line: Handed | None, handed: Sequence[Handed]) -> Verdict:
    if line is None:
        return _not_handed_out(seen, handed)
    judged, remedy = _version_and_role(seen, line)
    return verdict_on(
        seen.target,
        "handed-out",
        judged.result,
        judged.observed,
        judged.detail,
        line=line,
        subject=str(seen.target.reader.workload),
        version=line.version,
        remedy=remedy,
    )


def _version_and_role(seen: DeliveryObservation, line: Handed) -> tuple[Judgement, Remedy]:
    """Whether the newest version was read, with the declared role."""
    target, (before, after) = seen.target, seen.versions
    if "version" in seen.unobserved:
        unknown = NewestUnknown(line.version, seen.unobserved["version"])
        return Judgement(result="inconclusive", observed="not-seen", detail=unknown), ()
    if not before <= line.version <= after:
        older = VersionDiffers(line.version, after)
        return Judgement(result="wrong", observed="version", detail=older), remedies.put_or_apply(seen)
    if line.role and line.role != target.role:
        other = ReadByOtherRole(line.role, target.role)
        return Judgement(result="wrong", observed="other-role", detail=other), remedies.apply(target)
    return Judgement(result="ok", observed="version"), ()


def _not_handed_out(seen: DeliveryObservation, handed: Sequence[Handed]) -> Verdict:
    account = str(seen.target.reader.workload)
    for part in ("audit", "account"):
        if part in seen.unobserved:
            return not_seen(seen, "handed-out", part, account)
    if not _synced_now(seen):
        return verdict_on(seen.target, "handed-out", "inconclusive", "not-seen", NothingDelivered(), subject=account)
    others = tuple(sorted({each.account or each.display_name for each in handed if each.at >= seen.marker}))
    detail = ReadByOthers(others, account, exists=bool(seen.account_uid)) if others else NoReadFound()
    observed: Observation = "other" if others else "not-asked"
    remedy = remedies.apply(seen.target)
    return verdict_on(seen.target, "handed-out", "wrong", observed, detail, subject=account, remedy=remedy)


def _synced_now(seen: DeliveryObservation) -> bool:
    return seen.sync is not None and seen.sync.followed == "synced"


# -- the Secret and its value -----------------------------------------------------------------------------------------


def _secret(seen: DeliveryObservation) -> Verdict:
    target, secret = seen.target, seen.secret
    if "secret" in seen.unobserved:
        return not_seen(seen, "secret", "secret")
    if secret is None:
        absent = seen.sync is not None and seen.sync.followed == "absent"
        remedy = remedies.apply(target) if absent else remedies.sync(target)
        return verdict_on(target, "secret", "wrong", "none", SecretMissing(target.delivery.secret), remedy=remedy)
    if seen.external is None and "refresh" in seen.unobserved:
        unknown = OwnerUnknown(seen.unobserved["refresh"])
        return verdict_on(target, "secret", "inconclusive", "not-seen", unknown)
    return _secret_contents(seen, secret)


def _secret_contents(seen: DeliveryObservation, secret: SecretObservation) -> Verdict:
    target = seen.target
    if ending := being_deleted(secret.metadata):
        remedy = remedies.finish_deletion(target, ending)
        return verdict_on(target, "secret", "wrong", "being-deleted", ending, remedy=remedy)
    if not owned_by({"metadata": secret.metadata}, seen.external):
        owner = remedies.owner(seen)
        detail = OwnedByOther(owner) if owner else NotOwned()
        return verdict_on(target, "secret", "wrong", "not-owned", detail, remedy=remedies.take_from(seen, owner))
    if secret.immutable:
        return verdict_on(
            seen.target, "secret", "wrong", "immutable", SecretImmutable(), remedy=remedies.remake(target)
        )
    if differ := fields_differ(target.lane.custody.fields, secret.values):
        return verdict_on(target, "secret", "wrong", "differs", differ, remedy=remedies.sync(target))
    return verdict_on(target, "secret", "ok", "as-declared")


def _value(seen: DeliveryObservation, line: Handed | None) -> Verdict:
    if line is None or seen.secret is None or not _synced_now(seen):
        return verdict_on(seen.target, "value", "inconclusive", "not-seen", NothingDelivered())
    if "hashes" in seen.unobserved:
        return not_seen(seen, "value", "hashes")
    clear = tuple(sorted(field for field, hashed in line.hashes.items() if not hashed))
    if clear:
        remedy = remedies.hide_and_rotate(seen.target)
        return verdict_on(seen.target, "value", "wrong", "in-clear", LoggedInClear(clear), line=line, remedy=remedy)
    return _compared(seen, line, remedies.sync(seen.target))


def _compared(seen: DeliveryObservation, line: Handed, remedy: Remedy) -> Verdict:
    """Whether each field of the Secret holds the value of that line, by the keyed hash of the audit device."""
    other = [each for each in sorted(seen.target.lane.custody.fields) if not _is_same(seen, line, each)]
    if other and all(_is_empty(seen, each) for each in other):
        empty, put = EmptyValues(tuple(other)), remedies.put(seen.target, other)
        return verdict_on(seen.target, "value", "inconclusive", "not-seen", empty, line=line, remedy=put)
    if other:
        detail = ValueDiffers(tuple(other), line.version)
        return verdict_on(seen.target, "value", "wrong", "other-value", detail, line=line, remedy=remedy)
    numbers = tuple(each for each in seen.target.lane.custody.fields if is_number(line.hashes[each]))
    remark = NumbersInClear(numbers) if numbers else None
    return verdict_on(seen.target, "value", "ok", "version", remark, line=line, version=line.version)


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
        yield verdict_on(
            seen.target, "value-form", "wrong", "doubtful", detail, line=line, version=line.version, remedy=remedy
        )
    elif doubts:
        yield verdict_on(seen.target, "value-form", "ok", "version", line=line, version=line.version)


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
        yield verdict_on(seen.target, "plaintext", "wrong", "in-clear", CopiesInClear(keys), remedy=remedy)
    else:
        yield verdict_on(seen.target, "plaintext", "ok", "none")


# -- made by hand -----------------------------------------------------------------------------------------------------


def _made_by_hand(seen: DeliveryObservation) -> Iterator[Verdict]:
    target, secret = seen.target, seen.secret
    if "secret" in seen.unobserved:
        yield not_seen(seen, "by-hand", "secret")
    elif secret is None:
        missing = SecretMissing(target.delivery.secret)
        yield verdict_on(
            seen.target, "by-hand", "wrong", "none", missing, remedy=remedies.declare_external_secret(target)
        )
    elif ending := being_deleted(secret.metadata):
        remedy = remedies.finish_deletion(target, ending)
        yield verdict_on(target, "by-hand", "wrong", "being-deleted", ending, remedy=remedy)
    elif owner := remedies.owner(seen):
        detail, remedy = OwnedByOther(owner), remedies.adopt(target)
        yield verdict_on(target, "by-hand", "wrong", "not-by-hand", detail, remedy=remedy)
    elif differ := fields_differ(target.lane.custody.fields, secret.values):
        remedy = remedies.edit_secret(target) if differ.extra else remedies.adopt(target)
        yield verdict_on(target, "by-hand", "wrong", "differs", differ, remedy=remedy)
    else:
        yield verdict_on(target, "by-hand", "ok", "by-hand", NotRenewed(), remedy=remedies.adopt(target))


def _value_made_by_hand(seen: DeliveryObservation, handed: Sequence[Handed]) -> Iterator[Verdict]:
    """Compared with what OpenBao handed out to anybody, if that was the newest version; otherwise it is not known."""
    if seen.secret is None or "secret" in seen.unobserved or remedies.owner(seen):
        return
    remedy = remedies.adopt(seen.target)
    newest = [line for line in handed if line.version == seen.versions[1]]
    if "hashes" in seen.unobserved or not newest:
        detail = seen.unobserved.get("hashes") or NoOtherDelivery()
        yield verdict_on(seen.target, "value", "inconclusive", "not-seen", detail, remedy=remedy)
    else:
        yield _compared(seen, newest[-1], remedy)
        yield from _value_form(seen, newest[-1])


# -- who runs with it -------------------------------------------------------------------------------------------------


def _consumers(seen: DeliveryObservation) -> Iterator[Verdict]:
    for consumer in seen.consumers:
        found = judge_consumer(consumer, seen.target.secret, seen.secret, seen.marker)
        yield verdict_on(
            seen.target,
            "consumer",
            found.result,
            found.observed,
            found.detail,
            subject=consumer.name,
            remedy=() if found.result == "ok" else remedies.consumer(seen.target, consumer, found.observed),
            stretch="custody" if found.observed == "no-secret" else "consumer",
        )
