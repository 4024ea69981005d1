"""adopt: take a Secret made by hand over into a lane, without a moment in which it is absent.

The order, each step before the next: nothing stands in the way; policy and role in OpenBao, account and store in the
cluster; an ExternalSecret that reads and touches no Secret, which shows that the whole way works and tells, by
OpenBao's audit line of that read, whether the Secret holds the same values; where they differ, a person says which is
right; only then the ExternalSecret owns the Secret, in place. Then what was left in clear in annotations goes, and
consumers that cannot follow are restarted. Killed at any point it can be run again.
"""

import datetime as dt
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from warden.core.clusters.adoption import Compared, compared, obstacles, unfit_values
from warden.core.clusters.comparison import owned_by
from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import LANE, Ref, external_secret, external_secret_of, secret_of
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.errors import Effect, Foreign, Inconclusive, Missing, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget, adopted, target, with_cluster_readers
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Handed
from warden.core.openbao.refill import put_values
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.consumer_check import ConsumerObservation, judge_consumer
from warden.core.quoting import name
from warden.core.remedies import EditFile, warden
from warden.ports.audit_log import AuditLog
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.steps.adoption import (
    Adopted,
    AdoptionStep,
    CannotAdopt,
    Cleaned,
    Differs,
    FieldPut,
    Keep,
    NoAuditLine,
    NothingToAdopt,
    NotOwnedYet,
    NotRead,
    Owned,
    Prepared,
    ReadWithoutSecret,
    Restarting,
    SecretUntouched,
    StillDifferent,
    TakenOver,
    ValuesCompared,
    ValuesDiffer,
    ValuesUnfit,
)
from warden.usecases.steps.apply_target import Blocked, apply_target
from warden.usecases.steps.approval import expect_nothing_to_approve
from warden.usecases.steps.closing import expect_open
from warden.usecases.steps.fingerprints import hash_of, other_fingerprint
from warden.usecases.steps.killed_operations import end_killed_adopt, end_killed_put
from warden.usecases.steps.probe_sender import write_marker
from warden.usecases.steps.recorded import after_earlier_steps, begun, effect_so_far
from warden.usecases.steps.refresh import PATIENCE, refresh
from warden.usecases.targets import Target
from warden.usecases.targets.of_lane import cluster_target, openbao_target

LATE = 2.0
"""Seconds to wait for an audit line that is not there yet."""

ROLLOUT = 120.0
"""Seconds in which a restarted consumer is expected to run with the new value."""

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets, too."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a take-over works with. ``progress`` takes each step, ``run`` is unique, ``device`` the audit device."""

    vault: Vault
    cluster: Cluster
    audit: AuditLog
    journal: Journal
    device: str
    run: str
    progress: Callable[[AdoptionStep], None] = lambda _: None
    patience: float = PATIENCE
    rollout: float = ROLLOUT


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret that is to be taken over: the delivery as it will be declared, and its targets."""

    delivery: DeliveryTarget
    openbao: Target
    cluster: Target
    tools: Tools


def adoption_of(
    lane: Lane, cluster: str, context: Context, audit: AuditLog, progress: Callable[[AdoptionStep], None]
) -> Adoption:
    """What is to be taken over. Raises `UsageError` if the lane is not delivered to that cluster.

    A protected lane is adopted when its readers in OpenBao are as declared; otherwise `NotApproved` is raised.
    Raises as the port Clusters says where the cluster cannot be asked.
    """
    context.deliveries(lane, LaneOptions(clusters=(cluster,)))
    future = adopted(lane, cluster) if lane.deliveries[cluster].external_secret is None else lane
    declared = context.clusters.declared
    delivery = target(with_cluster_readers(future, declared), cluster, declared)
    connected = context.clusters[cluster]
    if isinstance(connected, WardenError):
        raise connected
    tools = Tools(
        vault=context.vault,
        cluster=connected,
        audit=audit,
        journal=context.journal,
        device=context.audit_device,
        run=f"wa-{secrets.token_hex(6)}",
        progress=progress,
    )
    openbao = openbao_target(delivery.lane, context, LaneOptions())
    field = f"deliveries.{cluster}"
    declare = EditFile(file="lane", field=f"{field}.external_secret", instead_of=f"{field}.bootstrap_secret")
    request = warden("change new", lane.id, type="widen", custody_only=True)
    expect_nothing_to_approve(delivery.lane, openbao, (declare, request))
    return Adoption(
        delivery=delivery,
        openbao=openbao,
        cluster=cluster_target(delivery, context, LaneOptions()),
        tools=tools,
    )


def adopt(adoption: Adoption, *, keep: Keep = "") -> Adopted:
    """Take the Secret over.

    Raises:
        Closed, Missing: the lane is closed; there is no Secret to take over.
        Foreign: something stands in the way; all of it is named, and nothing was changed.
        Differs: `keep` is needed; the Secret is as it was.
        Inconclusive: what was asked of a system did not come; the effect says how the Secret is.
        JournalUnwritable: nothing was changed.
    """
    delivery, tools = adoption.delivery, adoption.tools
    expect_open([delivery.lane], tools.vault, tools.journal, Effect.NOTHING_CHANGED)
    before = expect_free(adoption)
    already = owned_by({"metadata": before.metadata}, tools.cluster.get(external_secret_of(delivery)))
    end_killed_adopt(delivery, tools.journal, owned=already)
    what = _facts(delivery, tools) | {"secret_uid": before.metadata.get("uid")}
    found = None
    with begun("adopt", delivery.lane.id, what, tools.journal) as end:
        with after_earlier_steps():
            if not already:
                _prepare(adoption)
                found = _reconcile(delivery, before, tools, keep)
                _hand_over(delivery, before, tools)
            cleaned, restarted = _clean(delivery, tools), _restart(delivery, tools)
        done = {"cleaned": cleaned, "restarted": restarted, "already": already, "begin": end["begin"]}
        with effect_so_far(TakenOver(delivery.delivery.secret, delivery.cluster)):
            record = tools.journal.record("adopt.done", delivery.lane.id, _facts(delivery, tools) | done)
    return Adopted(
        lane=delivery.lane.id,
        cluster=delivery.cluster,
        secret=delivery.delivery.secret,
        already=already,
        compared=found,
        cleaned=tuple(cleaned),
        restarted=tuple(restarted),
        record=record,
    )


def _facts(delivery: DeliveryTarget, tools: Tools) -> dict[str, Any]:
    who, secret = {"display_name": name(str(tools.cluster.caller()))}, delivery.delivery.secret
    return {"cluster": delivery.cluster, "system": tools.cluster.address, "secret": secret, "identity": who}


def expect_free(adoption: Adoption) -> SecretObservation:
    """The Secret that is to be taken over. Raises `Missing` where there is none, `Foreign` where it may not be."""
    delivery, cluster = adoption.delivery, adoption.tools.cluster
    named, lane = delivery.delivery.secret, delivery.lane.id
    secret = cluster.secret(delivery.namespace, delivery.secret)
    if secret is None:
        declare = EditFile(file="lane", field=f"deliveries.{delivery.cluster}.external_secret", value=named)
        raise Missing(
            NothingToAdopt(named, delivery.cluster),
            effect=Effect.NOTHING_CHANGED,
            system=cluster.system,
            subject=lane,
            remedy=(declare, warden("apply", lane)),
        )
    if found := obstacles(delivery, secret, cluster.get(external_secret_of(delivery))):
        raise Foreign(
            CannotAdopt(named, delivery.cluster, found),
            effect=Effect.NOTHING_CHANGED,
            system=cluster.system,
            subject=lane,
            remedy=(kubectl(delivery, "describe", secret_of(delivery)),),
        )
    return secret


def _prepare(adoption: Adoption) -> None:
    """Everything but the ExternalSecret: who may read, the account, the store."""
    tools = adoption.tools
    apply_target(adoption.openbao, tools.journal, LaneOptions())
    tools.progress(Prepared(""))
    plan = adoption.cluster.plan()
    last = {"Secret", "ExternalSecret"}
    wrong = tuple(each for each in plan.blocked if each.kind not in last)
    if wrong:
        problem = Blocked(plan.system, wrong)
        raise Foreign(problem, effect=SecretUntouched(), system=tools.cluster.system, subject=plan.lane)
    for change in plan.to_change:
        if change.kind not in last:
            adoption.cluster.make(change)
    tools.progress(Prepared(tools.cluster.name))


def _reconcile(delivery: DeliveryTarget, secret: SecretObservation, tools: Tools, keep: Keep) -> Compared:
    """Compare; where the Secret's value is right, bring it into OpenBao and compare again."""
    found = _compare(delivery, secret, tools)
    tools.progress(ValuesCompared(delivery.cluster, found))
    if not found.different:
        return found
    if not keep:
        raise _differs(delivery, found)
    if keep == "secret":
        _expect_fit(delivery, secret, found)
        for field in found.different:
            _put(delivery, field, secret, tools)
        found = _compare(delivery, secret, tools)
        if found.different:
            raise Inconclusive(StillDifferent(found.different), effect=SecretUntouched())
    return found


def _put(delivery: DeliveryTarget, field: str, secret: SecretObservation, tools: Tools) -> None:
    custody = delivery.lane.custody
    who = {"system": tools.vault.address, "identity": tools.vault.identity().as_json()}
    before = end_killed_put(delivery.lane, tools.vault, tools.journal)
    facts = who | {"path": custody.path, "fields": [field], "from": delivery.cluster, "before": before}
    with begun("put", delivery.lane.id, facts, tools.journal) as done:
        version = tools.vault.put_fields(custody.mount, custody.key, {field: secret.values[field]})
        with effect_so_far(FieldPut(field, version)):
            tools.journal.record("put.done", delivery.lane.id, done | {"version": version})
    tools.progress(FieldPut(field, version))


def _expect_fit(delivery: DeliveryTarget, secret: SecretObservation, found: Compared) -> None:
    """Raise `Foreign` where a value that is to become OpenBao's would not be the same there."""
    unfit = unfit_values(delivery, secret)
    wrong = {field: unfit[field] for field in found.different if field in unfit}
    if wrong:
        lane, cluster = delivery.lane.id, delivery.cluster
        put, again = warden("put", lane, *wrong), warden("adopt", lane, cluster=cluster, keep="openbao")
        raise Foreign(
            ValuesUnfit(delivery.delivery.secret, wrong),
            effect=SecretUntouched(),
            system=f"cluster {cluster}",
            subject=lane,
            remedy=(put, again),
        )


def _compare(delivery: DeliveryTarget, secret: SecretObservation, tools: Tools) -> Compared:
    handed, unfit = _read_by_operator(delivery, tools), unfit_values(delivery, secret)
    there = [field for field in delivery.lane.custody.fields if field in secret.values]
    asked = {field: secret.values[field] for field in there if unfit.get(field) != "not-utf-8"}
    hashes = {
        field: [ask(tools.vault, tools.device, value) for ask in (hash_of, other_fingerprint)]
        for field, value in asked.items()
    }
    return compared(delivery, secret, hashes, handed)


def _differs(delivery: DeliveryTarget, found: Compared) -> Differs:
    return Differs(
        ValuesDiffer(delivery.delivery.secret, found),
        effect=SecretUntouched(),
        system=f"cluster {delivery.cluster}",
        subject=delivery.lane.id,
        hint="say which is right: --keep openbao (the Secret gets that version, consumers restart) "
        "or --keep secret (OpenBao gets the Secret's value as a new version)",
    )


def _read_by_operator(delivery: DeliveryTarget, tools: Tools) -> Handed:
    """Have External Secrets Operator read without touching a Secret; answers OpenBao's own line of that read."""
    tools.cluster.apply(external_secret(delivery, creation="None"), force=True)
    number = f"{tools.run}-{time.monotonic_ns()}"
    write_marker(tools.vault, number)
    sync = refresh(tools.cluster, external_secret_of(delivery), tools.patience)
    if sync.followed != "synced":
        lane = delivery.lane
        raise Inconclusive(
            NotRead(delivery.cluster, sync),
            effect=SecretUntouched(),
            system=tools.cluster.system,
            subject=lane.id,
            hint="is the value there?",
            remedy=(put_values(lane),),
        )
    tools.progress(ReadWithoutSecret(delivery.cluster))
    return _line(delivery, number, tools)


def _line(delivery: DeliveryTarget, number: str, tools: Tools) -> Handed:
    workload, custody = delivery.reader.workload, delivery.lane.custody
    account = tools.cluster.get(Ref("ServiceAccount", workload.namespace, workload.account))
    uid = str((account or {"metadata": {}})["metadata"].get("uid", ""))
    path = f"{custody.mount}/data/{custody.key}"
    end = time.monotonic() + LATE
    while True:
        marks = [line.at for line in tools.audit.lines(number) if line.kind == "response"]
        lines = [line for line in tools.audit.handed([path]) if marks and line.at >= marks[0] and line.uid == uid]
        if lines:
            return lines[-1]
        if time.monotonic() > end:
            raise Inconclusive(
                NoAuditLine(tools.audit.where, str(workload)),
                effect=SecretUntouched(),
                system="audit log",
                subject=delivery.lane.id,
                hint="is it the right log, and is the probe header registered?",
                remedy=(warden("doctor"),),
            )
        time.sleep(0.05)


def _hand_over(delivery: DeliveryTarget, before: SecretObservation, tools: Tools) -> None:
    tools.cluster.apply(external_secret(delivery), force=True)
    sync = refresh(tools.cluster, external_secret_of(delivery), tools.patience)
    after = tools.cluster.get(secret_of(delivery))
    external = tools.cluster.get(external_secret_of(delivery))
    same = after is not None and after["metadata"].get("uid") == before.metadata.get("uid")
    if sync.followed != "synced" or after is None or not owned_by(after, external) or not same:
        raise Inconclusive(
            NotOwnedYet(delivery.delivery.secret, sync),
            system=tools.cluster.system,
            subject=delivery.lane.id,
            hint="run it again",
            remedy=(warden("adopt", delivery.lane.id, cluster=delivery.cluster),),
        )
    tools.progress(Owned(delivery.cluster))


def _clean(delivery: DeliveryTarget, tools: Tools) -> list[str]:
    """Take the copies of values out of the annotations."""
    secret = tools.cluster.secret(delivery.namespace, delivery.secret)
    annotations = (secret.metadata.get("annotations") or {}) if secret else {}
    names = [name for name in (secret.exposed_in if secret else ()) if name in annotations and name != LANE]
    if names:
        tools.cluster.patch(secret_of(delivery), {"metadata": {"annotations": dict.fromkeys(names)}})
        tools.progress(Cleaned(delivery.cluster, tuple(names)))
    return names


def _restart(delivery: DeliveryTarget, tools: Tools) -> list[str]:
    """Restart the consumers that started before the last change and cannot follow; wait until they run."""
    consumers = [each.deployment for each in delivery.lane.consumers]
    names = [deployment for deployment in consumers if deployment.startswith(f"{delivery.namespace}/")]
    old = [deployment for deployment in names if _runs_old(delivery, deployment, tools.cluster)]
    for deployment in old:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        template = {"metadata": {"annotations": {RESTARTED: now}}}
        tools.cluster.patch(_deployment(deployment), {"spec": {"template": template}})
        tools.progress(Restarting(delivery.cluster, deployment))
    end = time.monotonic() + tools.rollout
    while any(_runs_old(delivery, deployment, tools.cluster) for deployment in old) and time.monotonic() < end:
        time.sleep(0.5)
    return old


def _deployment(name: str) -> Ref:
    return Ref("Deployment", *name.split("/", 1))


def _runs_old(delivery: DeliveryTarget, name: str, cluster: Cluster) -> bool:
    found = cluster.get(_deployment(name))
    labels: Mapping[str, str] = (((found or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    pods = cluster.listed("Pod", delivery.namespace, labels=labels) if labels else ()
    secret = cluster.secret(delivery.namespace, delivery.secret)
    consumer = ConsumerObservation(name=name, deployment=found, pods=tuple(pods))
    return judge_consumer(consumer, delivery.secret, secret).observed == "older"
