"""What is wrong with a name, a need or a delivery that was asked for, in words."""

from warden.core.lanes.catalog import DeclaredWithFaults, NotALane, UnknownEntry
from warden.core.lanes.delivery_target import NotDelivered, NothingDelivered, ReaderUnclear, UnknownCluster
from warden.core.lanes.environments import NotInEnvironment
from warden.core.lanes.search import EmptyNeed, NotOwned
from warden.present.problems import describe


@describe.register
def _(problem: UnknownEntry) -> str:
    missing = f"{problem.entry} is not in the catalog"
    if problem.actor:
        return f"{missing}: it is named as an actor is, and this takes a lane"
    return f"{missing}; nearest: {', '.join(problem.nearest)}" if problem.nearest else missing


@describe.register
def _(problem: DeclaredWithFaults) -> str:
    return f"{problem.entry} cannot be used: its file has errors"


@describe.register
def _(problem: NotInEnvironment) -> str:
    return f"{problem.lane} does not exist in {problem.environment}; its file lists {', '.join(problem.environments)}"


@describe.register
def _(problem: NotALane) -> str:
    return f"{problem.entry} is a {problem.kind}, not a lane: warden keeps no value for it"


@describe.register
def _(problem: NotOwned) -> str:
    near = ", ".join(f"{each.id} ({each.title})" for each in problem.nearest)
    if problem.draft:
        return f"Nobody here owns this yet; there is only a draft: {near}"
    return f"Nobody here owns this. Nearest, but not it: {near}" if near else "Nobody here owns this"


@describe.register
def _(problem: EmptyNeed) -> str:
    return f"the {problem.what} is empty"


@describe.register
def _(problem: NotDelivered) -> str:
    if not problem.clusters:
        return f"{problem.lane} is not delivered to any cluster, so not to {problem.cluster}"
    return f"{problem.lane} is not delivered to {problem.cluster}, but to {', '.join(problem.clusters)}"


@describe.register
def _(problem: NothingDelivered) -> str:
    if not problem.clusters:
        return f"no lane is delivered to any cluster, so not to {problem.cluster}"
    return f"no lane is delivered to {problem.cluster}; lanes are delivered to {', '.join(problem.clusters)}"


@describe.register
def _(problem: UnknownCluster) -> str:
    return f"clusters.yaml has no cluster {problem.cluster}; it has {', '.join(problem.clusters) or 'none'}"


@describe.register
def _(problem: ReaderUnclear) -> str:
    return f"{problem.lane} does not say which reader its delivery to {problem.cluster} is for"
