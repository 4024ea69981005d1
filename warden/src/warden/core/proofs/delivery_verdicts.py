"""What was seen of one delivery -> Verdicts: did the value that OpenBao holds arrive, by whom, and who else can see it.

External Secrets Operator's own state is never believed by itself: "synced" counts when a refresh that was asked for
just now was followed, and what was delivered is known from OpenBao's audit line of that very read. The value in the
Secret and the value in that line are compared by the keyed hash of the audit device, so that nobody reads it a
second time.
"""

from collections.abc import Iterator, Sequence

import msgspec

from secret_scan import redact
from warden.core.clusters.comparison import owned_by, owner_of
from warden.core.clusters.exposure import widest
from warden.core.clusters.manifests import Manifest
from warden.core.lanes.lane import Stretch
from warden.core.openbao.api import Handed
from warden.core.proofs.consumer_check import NOTHING, OLDER, OTHERWISE, judge_consumer
from warden.core.proofs.delivery_observation import DeliverySeen
from warden.core.proofs.proof import Verdict, Word, finding

SHOWN = 200
"""Characters of another system's words that are quoted."""

NAMED = 5
"""Subjects that are named where more may read a Secret."""


def judge_delivery(seen: DeliverySeen, handed: Sequence[Handed]) -> tuple[Verdict, ...]:
    """Every verdict on one delivery. `handed` are the reads of the lane's path that OpenBao answered."""
    if seen.target.by_hand:
        return tuple(_by_hand(seen, handed))
    line = handed_over(seen, handed)
    return tuple(
        each
        for verdicts in (
            _synced(seen),
            _account(seen),
            _handed(seen, line, handed),
            _secret(seen),
            _value(seen, line),
            _plaintext(seen),
            _consumers(seen),
            _exposure(seen),
        )
        for each in verdicts
    )


def handed_over(seen: DeliverySeen, handed: Sequence[Handed]) -> Handed | None:
    """The newest read after the marker by the reader's own account of this cluster."""
    mine = [
        line for line in handed if seen.marker and line.at >= seen.marker and line.uid and line.uid == seen.account_uid
    ]
    return mine[-1] if mine else None


def _by_hand(seen: DeliverySeen, handed: Sequence[Handed]) -> Iterator[Verdict]:
    title = "the Secret made by hand has the lane's fields"
    told = _told(seen, "by-hand", title)
    if "secret" in seen.unseen:
        yield told("??", seen.unseen["secret"])
    elif seen.secret is None:
        mend = f"write external_secret in the lane's file, then: {_apply(seen)}"
        yield told("FAIL", f"there is no Secret {seen.target.delivery.secret}", observed="NONE", mend=mend)
    elif whose := _owner_named({"metadata": seen.secret.metadata}):
        said = f"it is {whose}; in the lane's file write external_secret for bootstrap_secret"
        yield told("FAIL", said, observed="NOT BY HAND", mend=_adopt(seen))
    else:
        wrong = _fields_differ(seen)
        note = "nothing renews it when the value changes; " + _adopt(seen)
        extra = set(seen.secret.values) - set(seen.target.lane.custody.fields)
        mend = "declare them in custody.fields, or take them out of the Secret" if extra else _adopt(seen)
        yield told("FAIL" if wrong else "ok", wrong or note, observed="DIFFERS" if wrong else "by hand", mend=mend)
        yield from _value_by_hand(seen, handed)
    yield from _plaintext(seen)
    yield from _consumers(seen)
    yield from _exposure(seen)


def _value_by_hand(seen: DeliverySeen, handed: Sequence[Handed]) -> Iterator[Verdict]:
    """Compared with what OpenBao handed out to whomever, if that was the newest version; else it is not known."""
    told = _told(seen, "value", "holds the newest value of OpenBao")
    newest = [line for line in handed if line.version == seen.versions[1]]
    if "hashes" in seen.unseen or not newest:
        why = "not compared: no delivery by External Secrets Operator was refreshed beside it"
        yield told("??", seen.unseen.get("hashes", why), observed="not seen", mend=_adopt(seen))
        return
    different = _different(seen, newest[-1])
    if different:
        detail = f"{', '.join(different)} is another value than version {newest[-1].version}"
        yield told("FAIL", detail, observed="OTHER VALUE", line=newest[-1], mend=_adopt(seen))
    else:
        yield told("ok", observed=f"version {newest[-1].version}", line=newest[-1])


def _different(seen: DeliverySeen, line: Handed) -> list[str]:
    """The fields whose value in the Secret is not the one of that line."""
    fields = seen.target.lane.custody.fields
    return sorted(each for each in fields if not line.hashes.get(each) or seen.hashes.get(each) != line.hashes[each])


def _synced(seen: DeliverySeen) -> Iterator[Verdict]:
    told = _told(seen, "synced", "a refresh asked for now was followed")
    ref = f"ExternalSecret {seen.target.delivery.secret}"
    if seen.sync is None:
        yield told("??", seen.unseen.get("sync", "it was not asked for"))
    elif seen.sync.followed == "absent":
        yield told("FAIL", f"there is no {ref}", observed="NONE", mend=f"warden apply {seen.target.lane.id}")
    elif seen.sync.followed == "silent":
        mend = f"{seen.target.kubectl} -n {seen.target.declared.eso.namespace} get pods"
        yield told("??", f"nothing reacted: {seen.sync.why}", observed="no answer", mend=mend)
    elif seen.sync.followed == "failed":
        detail = f"External Secrets Operator could not: {quoted(seen.sync.why)}"
        whose = _owner_named({"metadata": seen.secret.metadata}) if seen.secret else ""
        mine = seen.secret is not None and owned_by({"metadata": seen.secret.metadata}, seen.external)
        mend = _thawed(seen) if mine else _from_owner(seen, whose)
        yield told("FAIL", detail, observed="NOT SYNCED", mend=mend or _plan(seen))
    else:
        yield told("ok", observed="synced", ms=seen.sync.ms)


def _account(seen: DeliverySeen) -> Iterator[Verdict]:
    """A shared account is allowed, and worth a word each time."""
    if seen.target.shared:
        account = seen.target.reader.workload
        told = _told(seen, "shared-account", f"read as {account}, which others may share")
        yield told("ok", "the audit log names that account, not the workload", observed="SHARED")


def _handed(seen: DeliverySeen, line: Handed | None, handed: Sequence[Handed]) -> Iterator[Verdict]:
    told = _told(seen, "handed-out", f"handed to {seen.target.reader.workload} itself")
    if line is None:
        yield _not_handed(seen, handed, told)
        return
    before, after = seen.versions
    if "version" in seen.unseen:
        detail = f"version {line.version} was handed out; which is the newest is not known: {seen.unseen['version']}"
        yield told("??", detail, observed="not seen", line=line)
    elif not before <= line.version <= after:
        detail = f"version {line.version} was handed out, and {after} is the newest in OpenBao"
        yield told("FAIL", detail, observed=f"version {line.version}", line=line, mend=_plan(seen))
    elif line.role and line.role != seen.target.role:
        yield told(
            "FAIL",
            f"by the role {line.role}, not by {seen.target.role}",
            observed="OTHER ROLE",
            line=line,
            mend=_apply(seen),
        )
    else:
        yield told("ok", observed=f"version {line.version}", line=line)


def _not_handed(seen: DeliverySeen, handed: Sequence[Handed], told: "_Told") -> Verdict:
    unseen = seen.unseen.get("audit") or seen.unseen.get("account")
    if unseen:
        return told("??", unseen)
    if seen.sync is None or seen.sync.followed != "synced":
        return told("??", "nothing was delivered just now, so there is no audit line of it", observed="not seen")
    others = sorted({each.account or each.display_name for each in handed if each.at >= seen.marker})
    if others and not seen.account_uid:
        return told(
            "FAIL",
            f"it was read as {', '.join(others)}; there is no account {seen.target.reader.workload}",
            observed="OTHER",
            mend=_apply(seen),
        )
    if others:
        return told("FAIL", f"it was read as {', '.join(others)}", observed="OTHER", mend=_apply(seen))
    return told(
        "FAIL", "the audit log has no read of it: it came from somewhere else", observed="NOT ASKED", mend=_apply(seen)
    )


def _secret(seen: DeliverySeen) -> Iterator[Verdict]:
    told = _told(seen, "secret", "owned by the ExternalSecret, the lane's fields")
    if "secret" in seen.unseen:
        yield told("??", seen.unseen["secret"])
    elif seen.secret is None:
        absent = seen.sync is not None and seen.sync.followed == "absent"
        mend = _apply(seen) if absent else f"warden sync {seen.target.lane.id}"
        yield told("FAIL", "there is no such Secret", observed="NONE", mend=mend)
    elif seen.external is None and "sync" in seen.unseen:
        yield told("??", f"whether the ExternalSecret owns it is not known: {seen.unseen['sync']}")
    elif not owned_by({"metadata": seen.secret.metadata}, seen.external):
        whose = _owner_named({"metadata": seen.secret.metadata})
        detail = whose or "nobody owns it: it was made by hand, or is orphaned"
        yield told("FAIL", detail, observed="NOT OWNED", mend=_from_owner(seen, whose) or _adopt(seen))
    elif mend := _thawed(seen):
        yield told("FAIL", "it is immutable, so no new value can reach it", observed="IMMUTABLE", mend=mend)
    elif wrong := _fields_differ(seen):
        yield told("FAIL", wrong, observed="DIFFERS", mend=f"warden sync {seen.target.lane.id}")
    else:
        yield told("ok", observed="as declared")


def _thawed(seen: DeliverySeen) -> str:
    """How an immutable Secret is made anew: Kubernetes lets nobody take that back. Empty where it is not."""
    if seen.secret is None or not seen.secret.immutable:
        return ""
    return f"{_kubectl(seen)} delete secret {seen.target.secret} && warden sync {seen.target.lane.id}"


def _fields_differ(seen: DeliverySeen) -> str:
    found = set(seen.secret.values) if seen.secret else set()
    declared = set(seen.target.lane.custody.fields)
    missing, extra = sorted(declared - found), sorted(found - declared)
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    return "; ".join(parts + ([f"not declared: {', '.join(extra)}"] if extra else []))


def _value(seen: DeliverySeen, line: Handed | None) -> Iterator[Verdict]:
    told = _told(seen, "value", "holds the value that OpenBao handed out")
    if line is None or seen.secret is None or seen.sync is None or seen.sync.followed != "synced":
        yield told(
            "??", "not compared: it was not delivered just now, or there is no audit line of it", observed="not seen"
        )
        return
    if "hashes" in seen.unseen:
        yield told("??", seen.unseen["hashes"])
        return
    clear = sorted(field for field, hashed in line.hashes.items() if not hashed)
    different = _different(seen, line)
    if clear:
        detail = (
            f"the audit log holds {', '.join(clear)} in clear, not as a keyed hash (log_raw, or the mount's tuning)"
        )
        yield told("FAIL", detail, observed="IN CLEAR", line=line, mend="bao secrets tune, and rotate the value")
    elif different:
        detail = f"{', '.join(different)} of the Secret is another value than version {line.version}"
        yield told("FAIL", detail, observed="OTHER VALUE", line=line, mend=f"warden sync {seen.target.lane.id}")
    else:
        yield told("ok", observed=f"version {line.version}", line=line)


def _plaintext(seen: DeliverySeen) -> Iterator[Verdict]:
    told = _told(seen, "plaintext", "no copy of it in annotations or labels")
    if seen.secret is None:
        return
    if seen.secret.exposed_in:
        where = ", ".join(seen.secret.exposed_in)
        key = seen.secret.exposed_in[0]
        mend = f"{_kubectl(seen)} annotate secret {seen.target.secret} {key}-"
        yield told("FAIL", f"in clear in {where}; whoever may see metadata sees it", observed="IN CLEAR", mend=mend)
    else:
        yield told("ok", observed="none")


def _exposure(seen: DeliverySeen) -> Iterator[Verdict]:
    if "exposure" in seen.unseen:
        yield _told(seen, "exposure", "nobody else may read it")("??", seen.unseen["exposure"])
        return
    told = _told(seen, "exposure", f"nobody else may read it ({_asked(seen)})")
    if not seen.exposed:
        yield told("ok", observed="nobody else")
        return
    named = [f"{each.subject} by {', '.join(each.bindings) or 'another authorizer'}" for each in widest(seen.exposed)]
    told_first = "; ".join(named[:NAMED]) + (f"; and {len(named) - NAMED} more" if len(named) > NAMED else "")
    first = next((binding for each in seen.exposed for binding in each.bindings), "")
    mend = f"{seen.target.kubectl} edit {first}" if first else ""
    yield told(
        "FAIL", f"{told_first}; if that is meant: may_read_secrets in clusters.yaml", observed="OTHERS", mend=mend
    )


def _asked(seen: DeliverySeen) -> str:
    return f"{seen.asked} asked for {seen.known}" if seen.known > seen.asked else f"{seen.asked} asked about"


# -- consumers --------------------------------------------------------------------------------------------------------


def _consumers(seen: DeliverySeen) -> Iterator[Verdict]:
    for consuming in seen.consumers:
        word, observed, detail = judge_consumer(consuming, seen.target.secret, seen.secret)
        stretch: Stretch = "custody" if observed == NOTHING else "consumer"
        told = _told(seen, "consumer", f"{consuming.name} runs with it", stretch=stretch)
        deployment = f"deployment/{consuming.name.partition('/')[2]}"
        deploy = f"{seen.target.kubectl} apply -k {consuming.overlay}" if consuming.overlay else f"see {_doc(seen)}"
        mends = {
            OLDER: f"{_kubectl(seen)} rollout restart {deployment}",
            OTHERWISE: f"{_kubectl(seen)} rollout status {deployment}",
            "no pod": f"{_kubectl(seen)} describe {deployment}",
            NOTHING: f"warden sync {seen.target.lane.id}",
        }
        yield told(word, detail, observed=observed, mend=mends.get(observed, deploy))


# -- wording ----------------------------------------------------------------------------------------------------------


class _Told:
    """Makes the verdicts of one question about one delivery."""

    def __init__(self, seen: DeliverySeen, probe: str, title: str, stretch: Stretch) -> None:
        self._seen = seen
        self._probe = probe
        self._title = title
        self._stretch = stretch

    def __call__(
        self,
        word: Word,
        detail: str = "",
        *,
        observed: str = "",
        line: Handed | None = None,
        ms: float = 0.0,
        mend: str = "",
    ) -> Verdict:
        made = finding(
            self._probe,
            self._title,
            detail,
            reader=self._seen.target.label,
            word=word,
            mend=mend,
            stretch=self._stretch,
        )
        return msgspec.structs.replace(
            made,
            observed=observed or made.observed,
            audit=line.id if line else "",
            at=line.at if line else "",
            ms=round(ms, 1),
        )


def _told(seen: DeliverySeen, probe: str, title: str, *, stretch: Stretch = "custody") -> _Told:
    return _Told(seen, probe, title, stretch)


def quoted(text: str) -> str:
    """Another system's words: on one line, bounded, and without anything that looks like a value."""
    line = " ".join(redact(text).split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _doc(seen: DeliverySeen) -> str:
    owner = seen.target.lane.owners.consumer
    return f"{owner.doc} of {owner.repo}"


def _plan(seen: DeliverySeen) -> str:
    if not seen.versions[1] and "version" not in seen.unseen:
        return f"warden put {seen.target.lane.id} {seen.target.lane.custody.fields[0]}"
    return f"warden plan {seen.target.lane.id}, then warden apply {seen.target.lane.id}"


def _apply(seen: DeliverySeen) -> str:
    return f"warden apply {seen.target.lane.id}"


def _from_owner(seen: DeliverySeen, whose: str) -> str:
    """How to take the Secret from another ExternalSecret; the lane's own makes it anew."""
    kind, _, name = whose.removeprefix("owned by ").partition(" ")
    if kind != "ExternalSecret":
        return ""
    return f"{_kubectl(seen)} delete externalsecret {name}"


def _kubectl(seen: DeliverySeen) -> str:
    return f"{seen.target.kubectl} -n {seen.target.namespace}"


def _adopt(seen: DeliverySeen) -> str:
    return f"warden adopt {seen.target.lane.id} --cluster {seen.target.cluster}"


def _owner_named(secret: Manifest) -> str:
    owner = owner_of(secret)
    if owner is None:
        return ""
    if owner.kind == "HelmRelease":
        return f"owned by the Helm release {owner.name or '(unnamed)'}"
    return f"owned by {owner.kind} {owner.name}"
