"""The generated parts of a lane's page, as lines of Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Consumer, Lane, Owner, Reader, WorkloadReader
from warden.core.lanes.readers import GithubReader, GitlabReader
from warden.core.lanes.rotation import Rotation
from warden.core.openbao.refill import put_values
from warden.core.playbooks.checklist import LaneRequest, PlaybookFacts, boxes
from warden.core.playbooks.lines import Block, Part
from warden.core.playbooks.markers import BlockName
from warden.core.remedies import RunKubectl, RunProgram, Step, access, warden
from warden.present.commands import command
from warden.present.markdown import cell, code, fenced, plain
from warden.present.playbook_boxes import checklist, gate, next_lines
from warden.present.surroundings import HERE, Surroundings

_HOUR, _DAY = 3600, 86400


def page(
    lane: Lane, facts: PlaybookFacts, clusters: dict[str, DeclaredCluster], file: str, *, aged: bool
) -> tuple[Block, ...]:
    """Every generated part of the page, in the order of a new one. `file` is the lane's, as people name it.

    The command lines in it name no directory of whoever renders it.
    """
    here = HERE.get()
    before = HERE.set(Surroundings(env=here.environment, environment=here.environment))
    try:
        return tuple(_blocks(lane, facts, clusters, file, aged=aged))
    finally:
        HERE.reset(before)


def _blocks(
    lane: Lane, facts: PlaybookFacts, clusters: dict[str, DeclaredCluster], file: str, *, aged: bool
) -> Iterator[Block]:
    found = boxes(lane, facts, aged=aged)
    yield _declared("about", _about(lane, facts.requests, file))
    yield _declared("owners", _owners(lane))
    yield _declared("do-not-ask", _do_not_ask(lane))
    yield _declared("custody", _custody(lane))
    yield Block(name="gate", lines=tuple(gate(lane, facts, found)))
    yield Block(name="checklist", lines=tuple(checklist(lane, facts, found)))
    yield _declared("smoke", _smoke(lane, clusters))
    yield _declared("rotation", _rotation(lane))
    yield Block(name="next", lines=tuple(next_lines(lane, facts, aged=aged)), compared=_is_known(facts))
    yield _declared("see-also", _see_also(lane))


def _is_known(facts: PlaybookFacts) -> bool:
    """Whether this run knows what is left: OpenBao was asked, and a proof that is missing here is not elsewhere."""
    unproven_here = facts.proof is None and any(each.kind == "not-proven" for each in facts.left)
    return facts.looked and not unproven_here


def _declared(name: BlockName, lines: Iterable[str]) -> Block:
    return Block(name=name, lines=tuple((Part(each),) if each else () for each in lines))


def _run(step: Step) -> str:
    return code(command(step))


def _about(lane: Lane, requests: Sequence[LaneRequest], file: str) -> Iterator[str]:
    yield f"# {plain(lane.id)}"
    yield ""
    yield f"{plain(lane.title)}."
    yield ""
    yield f"- Catalog id {code(lane.id)}, declared {code(lane.status)}, reviewed {lane.reviewed.isoformat()}"
    if lane.references:
        yield f"- References: {', '.join(map(plain, lane.references))}"
    for each in requests:
        kind, status = code(each.request_type), each.status.replace("_", " ")
        yield f"- Change request {code(each.id)}: {kind}, {status}; {_run(warden('change show', each.id))}"
    if lane.protected:
        yield f"- A change needs the approval of {plain(lane.protected.mark)}"
    yield (
        f"- Parts between markers come from {code(file)} and from what was measured;"
        f" {_run(warden('playbook', lane.id))} renders them again and keeps everything else"
    )


def _owners(lane: Lane) -> Iterator[str]:
    yield "## Owners"
    yield ""
    yield "| concern | owner | page |"
    yield "|---|---|---|"
    delivered = ", policy and delivery" if lane.deliveries else " and policy"
    yield _owner(f"OpenBao path{delivered}", lane.owners.custody)
    consumers = ", ".join(code(each.deployment) for each in lane.consumers)
    yield _owner(f"consumer {consumers}: deployment and smoke test" if consumers else "consumer", lane.owners.consumer)
    if lane.owners.runtime:
        yield _owner("runtime configuration", lane.owners.runtime)


def _owner(concern: str, owner: Owner) -> str:
    return f"| {cell(concern)} | {cell(code(owner.repo))} | {cell(_page(owner))} |"


def _page(owner: Owner) -> str:
    """A page as `owners` names it: in the owner's repository, or ``other-repo path``."""
    repo, _, path = owner.doc.rpartition(" ")
    return f"{code(path)} in {code(repo)}" if repo else code(path)


def _do_not_ask(lane: Lane) -> Iterator[str]:
    yield "## Do not ask for the value"
    yield ""
    yield "Nobody sends it, and warden keeps none. Look it up, and use it as a declared reader:"
    yield ""
    yield from fenced([command(warden("route show", lane.id, json=True)), command(access(lane.id))])
    yield ""
    fields = ", ".join(map(code, lane.custody.fields))
    yield f"The value of {fields} must not appear in Git, the State Hub, workplans, logs, tickets or chat."


def _custody(lane: Lane) -> Iterator[str]:
    yield "## Custody shape"
    yield ""
    fields = ", ".join(map(code, lane.custody.fields))
    noun = "fields" if len(lane.custody.fields) > 1 else "field"
    yield f"- KV path {code(lane.custody.path)}, {noun} {fields}"
    yield f"- Read policy {code(lane.custody.policy_name)}"
    for reader in lane.readers:
        yield f"- Reader {code(reader.label)}: {code(str(lane.role_name(reader)))}{_audience(reader)}"
    for cluster, delivery in lane.deliveries.items():
        if delivery.external_secret:
            store = f" from {code(delivery.store)}" if delivery.store else ""
            every = f", refreshed every {_interval(delivery.refresh)}"
            yield f"- Delivery to {code(cluster)}: ExternalSecret {code(delivery.secret)}{store}{every}"
        else:
            adopt = _run(warden("adopt", lane.id, cluster=cluster))
            yield (
                f"- Delivery to {code(cluster)}: Secret {code(delivery.secret)}, made by hand; a new value does not"
                f" arrive there by itself until {adopt} has taken it over"
            )
    for consumer in lane.consumers:
        overlay = f", deployed from {code(consumer.overlay)}" if consumer.overlay else ""
        yield f"- Consumer: Deployment {code(consumer.deployment)}{overlay}"
    close = _run(warden("deactivate", lane.id, reason="TEXT"))
    opened = _run(warden("reactivate", lane.id, reason="TEXT"))
    leaked = _run(warden("compromise", lane.id, reason="TEXT"))
    yield f"- To close it for everybody: {close}; to open it again: {opened}; if others may know the value: {leaked}"


def _audience(reader: Reader) -> str:
    audience = reader.audience if isinstance(reader, WorkloadReader | GithubReader | GitlabReader) else ""
    return f", audience {code(audience)}" if audience else ""


def _interval(seconds: int) -> str:
    if seconds % _DAY == 0:
        return f"{seconds // _DAY} d"
    if seconds % _HOUR == 0:
        return f"{seconds // _HOUR} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def _smoke(lane: Lane, clusters: dict[str, DeclaredCluster]) -> Iterator[str]:
    yield "## Smoke"
    yield ""
    if not lane.consumers:
        yield f"No consumer is declared. As a reader: {_run(access(lane.id))}"
        return
    for consumer in lane.consumers:
        steps = [*_rollouts(lane, consumer, clusters)]
        if consumer.smoke:
            steps.append(RunProgram(consumer.smoke))
        yield f"{code(consumer.deployment)}:" if steps else f"{code(consumer.deployment)}: no smoke test is declared."
        if steps:
            yield ""
            yield from fenced([command(each) for each in steps])


def _rollouts(lane: Lane, consumer: Consumer, clusters: dict[str, DeclaredCluster]) -> Iterator[Step]:
    """The rollout of the consumer in each cluster that the lane is delivered to."""
    namespace, _, name = consumer.deployment.partition("/")
    for cluster in lane.deliveries:
        if cluster in clusters:
            yield RunKubectl(
                context=clusters[cluster].context,
                action="rollout-status",
                kind="deployment",
                namespace=namespace,
                name=name,
            )


def _rotation(lane: Lane) -> Iterator[str]:
    yield "## Rotation"
    yield ""
    for rotation in lane.rotations:
        yield f"- {_rotated(lane, rotation)}"
    yield "" if lane.rotations else "No rotation is declared. To replace the value:"
    if not lane.rotations:
        yield ""
    yield from fenced([command(each) for each in _replacing(lane)])
    for consumer in lane.consumers:
        how = {
            "restart": "its pods are restarted for a new value",
            "reload": "it reads a new value by itself",
            "none": "it is left alone",
        }[consumer.on_new_value]
        yield ""
        yield f"{code(consumer.deployment)}: {how}."


def _replacing(lane: Lane) -> tuple[Step, ...]:
    """What replaces the value: a rotation where one is declared, otherwise a person."""
    if lane.rotations:
        return (warden("rotate", lane.id),)
    delivered = any(each.external_secret for each in lane.deliveries.values())
    sync = (warden("sync", lane.id),) if delivered else ()
    return (put_values(lane), *sync, warden("prove", lane.id))


def _rotated(lane: Lane, rotation: Rotation) -> str:
    field = rotation.field or ", ".join(lane.custody.fields)
    by = f", with the key of {code(rotation.management)}" if rotation.management else ""
    window = f"refused {rotation.refused.times} times over {_interval(rotation.refused.over)}"
    every = _interval(rotation.every)
    return f"{code(field)}: every {every} from source {code(rotation.source)}{by}; the old value has to be {window}"


def _see_also(lane: Lane) -> Iterator[str]:
    yield "## See also"
    yield ""
    owners = [lane.owners.custody, lane.owners.consumer, *([lane.owners.runtime] if lane.owners.runtime else [])]
    for owner in dict.fromkeys(owners):
        where = _page(owner) if " " in owner.doc else f"{_page(owner)} in {code(owner.repo)}"
        yield f"- {where}"
    managing = dict.fromkeys(each.management.partition(".")[0] for each in lane.rotations if each.management)
    for each in managing:
        yield f"- the lane that makes its keys: {_run(warden('route show', each))}"
    yield f"- how it stands now: {_run(warden('status', lane.id))}"
    yield f"- what was done: {_run(warden('journal log', lane=lane.id))}"
