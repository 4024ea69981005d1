"""adopt: take a Secret made by hand over into a lane, without a moment in which it is absent.

The order, each step before the next: nothing stands in the way; policy and role in OpenBao, account and store in the
cluster; an ExternalSecret that reads and touches no Secret, which shows that the whole way works and tells, by
OpenBao's audit line of that read, whether the Secret holds the same values; where they differ, a person says which is
right; only then the ExternalSecret owns the Secret, in place. Then what was left in clear in annotations goes, and
consumers that cannot follow are restarted. Killed at any point it can be run again.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from warden.core.clusters.adoption import Compared, compared, obstacles, unkept
from warden.core.clusters.comparison import owned_by
from warden.core.clusters.manifests import LANE, Ref, external_secret, external_secret_of, secret_of
from warden.core.errors import Closed, Foreign, Inconclusive, Missing, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.material import quoted
from warden.core.openbao.api import Handed, Request, SecretObservation
from warden.core.proofs.consumer_check import ConsumerObservation, judge_consumer
from warden.core.proofs.probes import HEADER
from warden.ports.audit_log import AuditLog
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.apply import Blocked, apply_target
from warden.usecases.recorded import effect_so_far
from warden.usecases.refresh import PATIENCE, refresh
from warden.usecases.targets import Target

Keep = Literal["", "openbao", "secret"]
"""Which value is right where they differ; empty where nobody said."""

LATE = 2.0
"""Seconds to wait for an audit line that is not there yet."""

ROLLOUT = 120.0
"""Seconds in which a restarted consumer is expected to run with the new value."""

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets, too."""


class Differs(WardenError):
    """The Secret and OpenBao hold different values, and nobody said which is right."""

    kind = "differs"


class TakenOver(msgspec.Struct, frozen=True):
    """An effect: the Secret (``namespace/name``) of that cluster is the lane's."""

    secret: str
    cluster: str


class FieldPut(msgspec.Struct, frozen=True):
    """An effect: a field of the Secret is that version in OpenBao now, and the Secret is as it was."""

    field: str
    version: int


class SecretUntouched(msgspec.Struct, frozen=True):
    """An effect: the Secret that was to be taken over is as it was."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a take-over works with. ``say`` is told each step; ``run`` is unique, ``device`` the audit device."""

    vault: Vault
    cluster: Cluster
    audit: AuditLog
    journal: Journal
    device: str
    run: str
    say: Callable[[str], None] = lambda _: None
    patience: float = PATIENCE
    rollout: float = ROLLOUT


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: whether the ExternalSecret owned it already, how the values compared, what else was changed."""

    lane: str
    cluster: str
    secret: str
    already: bool
    compared: Compared | None
    cleaned: tuple[str, ...]
    restarted: tuple[str, ...]
    record: int


def adopt(
    target: DeliveryTarget,
    in_openbao: Target,
    in_cluster: Target,
    tools: Tools,
    *,
    keep: Keep = "",
) -> Adopted:
    """Take the Secret of `target` over. `in_openbao` and `in_cluster` plan the lane as it will be declared.

    Raises:
        Closed, Missing: the lane is closed; there is no Secret to take over.
        Foreign: something stands in the way; all of it is named, and nothing was changed.
        Differs: `keep` is needed; the Secret is as it was.
        Inconclusive: what was asked of a system did not come; the Secret is as it was, unless the message says more.
        JournalUnwritable: nothing was changed.
    """
    _expect_open(target, tools.journal)
    before = expect_free(target, tools.cluster)
    already = owned_by({"metadata": before.metadata}, tools.cluster.get(external_secret_of(target)))
    tools.journal.record(
        "adopt.begin", target.lane.id, _named(target, tools) | {"secret_uid": before.metadata.get("uid")}
    )
    found = None
    if not already:
        _prepare(in_openbao, in_cluster, tools)
        found = _settle(target, before, tools, keep)
        _hand_over(target, before, tools)
        tools.say(f"{target.cluster}: the Secret holds version {found.version} of OpenBao")
    cleaned, restarted = _clean(target, tools), _restart(target, tools)
    body = _named(target, tools) | {"cleaned": cleaned, "restarted": restarted, "already": already}
    with effect_so_far(TakenOver(target.delivery.secret, target.cluster)):
        record = tools.journal.record("adopt.done", target.lane.id, body)
    return Adopted(
        lane=target.lane.id,
        cluster=target.cluster,
        secret=target.delivery.secret,
        already=already,
        compared=found,
        cleaned=tuple(cleaned),
        restarted=tuple(restarted),
        record=record,
    )


def _named(target: DeliveryTarget, tools: Tools) -> dict[str, Any]:
    who = {"display_name": str(tools.cluster.caller())}
    return {
        "cluster": target.cluster,
        "system": tools.cluster.address,
        "secret": target.delivery.secret,
        "identity": who,
    }


def _expect_open(target: DeliveryTarget, journal: Journal) -> None:
    if journal.state(target.lane.id).closed is not None:
        raise Closed(
            f"{target.lane.id} is closed. Nothing was changed.", subject=target.lane.id, hint="warden journal log"
        )


def expect_free(target: DeliveryTarget, cluster: Cluster) -> SecretObservation:
    """The Secret that is to be taken over. Raises `Missing` where there is none, `Foreign` where it may not be."""
    secret = cluster.secret(target.namespace, target.secret)
    if secret is None:
        raise Missing(
            f"there is no Secret {target.delivery.secret} in {target.cluster}, so there is nothing to take over.",
            system=cluster.system,
            subject=target.lane.id,
            hint=f"declare external_secret there, then: warden apply {target.lane.id}",
        )
    found = obstacles(target, secret, cluster.get(external_secret_of(target)))
    if found:
        raise Foreign(
            f"Secret {target.delivery.secret} of {target.cluster} cannot be taken over: {'; '.join(found)}. "
            "Nothing was changed.",
            system=cluster.system,
            subject=target.lane.id,
            hint=f"{target.kubectl} -n {target.namespace} describe secret {target.secret}",
        )
    return secret


def _prepare(in_openbao: Target, in_cluster: Target, tools: Tools) -> None:
    """Everything but the ExternalSecret: who may read, the account, the store."""
    apply_target(in_openbao, tools.journal)
    tools.say("OpenBao: policy and role as declared")
    plan = in_cluster.plan()
    last = {"Secret", "ExternalSecret"}
    wrong = tuple(each for each in plan.blocked if each.kind not in last)
    if wrong:
        raise Foreign(
            Blocked(plan.system, wrong), effect=SecretUntouched(), system=tools.cluster.system, subject=plan.lane
        )
    for change in plan.to_change:
        if change.kind not in last:
            in_cluster.make(change)
    tools.say(f"{tools.cluster.name}: the reader's account and the store as declared")


def _settle(target: DeliveryTarget, secret: SecretObservation, tools: Tools, keep: Keep) -> Compared:
    """Compare; where the Secret's value is right, bring it into OpenBao and compare again."""
    found = _compare(target, secret, tools)
    _tell(target, found, tools)
    if not found.different:
        return found
    if not keep:
        raise _differs(target, found)
    if keep == "secret":
        _expect_kept(target, secret, found)
        for field in found.different:
            told = {"path": target.lane.custody.path, "field": field, "from": target.cluster}
            tools.journal.record("put.begin", target.lane.id, told)
            version = tools.vault.put_field(
                target.lane.custody.mount, target.lane.custody.key, field, secret.values[field]
            )
            with effect_so_far(FieldPut(field, version)):
                tools.journal.record("put.done", target.lane.id, told | {"version": version})
            tools.say(f"OpenBao: {field} of the Secret is version {version} now")
        found = _compare(target, secret, tools)
        if found.different:
            raise Inconclusive(f"{', '.join(found.different)} still differs after it was put; the Secret is as it was.")
    return found


def _expect_kept(target: DeliveryTarget, secret: SecretObservation, found: Compared) -> None:
    """Raise `Foreign` where a value that is to become OpenBao's would not be the same there."""
    unfit = unkept(target, secret)
    wrong = [field for field in found.different if field in unfit]
    if wrong:
        raise Foreign(
            f"{'; '.join(f'{field} {unfit[field]}' for field in wrong)}: OpenBao cannot hold that as it is. "
            f"The Secret {target.delivery.secret} is as it was, and nothing was put.",
            system=f"cluster {target.cluster}",
            subject=target.lane.id,
            hint=f"put what the consumer is to have: warden put {target.lane.id} {wrong[0]}; then --keep openbao",
        )


def _compare(target: DeliveryTarget, secret: SecretObservation, tools: Tools) -> Compared:
    handed, unfit = _read_by_eso(target, tools), unkept(target, secret)
    fields = [field for field in target.lane.custody.fields if field in secret.values and field not in unfit]
    values = {field: secret.values[field] for field in fields}
    hashes = {field: tools.vault.audit_hash(tools.device, value) for field, value in values.items()}
    return compared(target, secret, hashes, handed)


def _tell(target: DeliveryTarget, found: Compared, tools: Tools) -> None:
    parts = [f"equal: {', '.join(found.equal)}"] if found.equal else []
    parts += [f"different: {', '.join(found.different)}"] if found.different else []
    parts += [f"not in the Secret yet: {', '.join(found.missing)}"] if found.missing else []
    tools.say(f"{target.cluster}: the Secret beside version {found.version} in OpenBao: {'; '.join(parts)}")


def _differs(target: DeliveryTarget, found: Compared) -> Differs:
    names = ", ".join(found.different)
    return Differs(
        f"{names} of the Secret {target.delivery.secret} is another value than version {found.version} in OpenBao. "
        "The Secret is as it was.",
        system=f"cluster {target.cluster}",
        subject=target.lane.id,
        hint="say which is right: --keep openbao (the Secret gets that version, consumers restart) "
        "or --keep secret (OpenBao gets the Secret's value as a new version)",
    )


def _read_by_eso(target: DeliveryTarget, tools: Tools) -> Handed:
    """Have External Secrets Operator read without touching a Secret; answers OpenBao's own line of that read."""
    tools.cluster.apply(external_secret(target, creation="None"), force=True)
    number = f"{tools.run}-{time.monotonic_ns()}"
    tools.vault.send(
        tools.vault.as_caller(Request(method="GET", path="auth/token/lookup-self", headers={HEADER: number}))
    )
    sync = refresh(tools.cluster, external_secret_of(target), tools.patience)
    if sync.followed != "synced":
        raise Inconclusive(
            f"External Secrets Operator of {target.cluster} could not read it: {quoted(sync.why) or sync.followed}. "
            "The Secret is as it was.",
            system=tools.cluster.system,
            subject=target.lane.id,
            hint=f"is the value there? warden put {target.lane.id} {target.lane.custody.fields[0]}",
        )
    tools.say(f"{target.cluster}: External Secrets Operator reads it, and touches no Secret yet")
    return _line(target, number, tools)


def _line(target: DeliveryTarget, number: str, tools: Tools) -> Handed:
    account = tools.cluster.get(Ref("ServiceAccount", target.reader.workload.namespace, target.reader.workload.account))
    uid = str((account or {"metadata": {}})["metadata"].get("uid", ""))
    path = f"{target.lane.custody.mount}/data/{target.lane.custody.key}"
    end = time.monotonic() + LATE
    while True:
        marks = [line.at for line in tools.audit.lines(number) if line.kind == "response"]
        lines = [line for line in tools.audit.handed([path]) if marks and line.at >= marks[0] and line.uid == uid]
        if lines:
            return lines[-1]
        if time.monotonic() > end:
            raise Inconclusive(
                f"OpenBao's audit log ({tools.audit.where}) has no line of that read by "
                f"{target.reader.workload}, so the values cannot be compared. The Secret is as it was.",
                system="audit log",
                subject=target.lane.id,
                hint="is it the right log, and the probe header registered? warden doctor",
            )
        time.sleep(0.05)


def _hand_over(target: DeliveryTarget, before: SecretObservation, tools: Tools) -> None:
    tools.cluster.apply(external_secret(target), force=True)
    sync = refresh(tools.cluster, external_secret_of(target), tools.patience)
    after = tools.cluster.get(secret_of(target))
    external = tools.cluster.get(external_secret_of(target))
    same = after is not None and after["metadata"].get("uid") == before.metadata.get("uid")
    if sync.followed != "synced" or after is None or not owned_by(after, external) or not same:
        raise Inconclusive(
            f"the Secret {target.delivery.secret} is not seen as the ExternalSecret's yet: "
            f"{quoted(sync.why) or sync.followed}.",
            system=tools.cluster.system,
            subject=target.lane.id,
            hint=f"run it again: warden adopt {target.lane.id} --cluster {target.cluster}",
        )
    tools.say(f"{target.cluster}: the ExternalSecret owns the Secret; it was never absent (same uid)")


def _clean(target: DeliveryTarget, tools: Tools) -> list[str]:
    """Take the copies of values out of the annotations."""
    secret = tools.cluster.secret(target.namespace, target.secret)
    annotations = (secret.metadata.get("annotations") or {}) if secret else {}
    names = [name for name in (secret.exposed_in if secret else ()) if name in annotations and name != LANE]
    if names:
        tools.cluster.patch(secret_of(target), {"metadata": {"annotations": dict.fromkeys(names)}})
        tools.say(f"{target.cluster}: taken out of the Secret's annotations: {', '.join(names)}")
    return names


def _restart(target: DeliveryTarget, tools: Tools) -> list[str]:
    """Restart the consumers that started before the last change and cannot follow; wait until they run."""
    names = [each.deployment for each in target.lane.consumers if each.deployment.startswith(f"{target.namespace}/")]
    old = [name for name in names if _runs_old(target, name, tools.cluster)]
    for name in old:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        template = {"metadata": {"annotations": {RESTARTED: now}}}
        tools.cluster.patch(_deployment(name), {"spec": {"template": template}})
        tools.say(f"{target.cluster}: restarting {name}, which took the value when it started")
    end = time.monotonic() + tools.rollout
    while any(_runs_old(target, name, tools.cluster) for name in old) and time.monotonic() < end:
        time.sleep(0.5)
    return old


def _deployment(name: str) -> Ref:
    namespace, _, deployment = name.partition("/")
    return Ref("Deployment", namespace, deployment)


def _runs_old(target: DeliveryTarget, name: str, cluster: Cluster) -> bool:
    found = cluster.get(_deployment(name))
    labels: Mapping[str, str] = (((found or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    pods = cluster.listed("Pod", target.namespace, labels=labels) if labels else ()
    secret = cluster.secret(target.namespace, target.secret)
    consumer = ConsumerObservation(name=name, deployment=found, pods=tuple(pods))
    return judge_consumer(consumer, target.secret, secret).observed == "older"
