"""Taking a Secret over, in words: each step, what stands in the way, and what was done."""

from typing import Any

import msgspec

from warden.core.clusters.adoption import AdoptionObstacle, Immutable, OtherKeys
from warden.core.plans.plan import OwnedBy
from warden.core.remedies import EditFile, warden
from warden.present import terminal
from warden.present.commands import command
from warden.present.obstacles import describe_obstacle
from warden.usecases.steps.adoption import (
    Adopted,
    AdoptionStep,
    Cleaned,
    FieldPut,
    Owned,
    Prepared,
    ReadWithoutSecret,
    Restarting,
    ValuesCompared,
)

UNFIT = {"empty": "is empty", "not-utf-8": "is not valid UTF-8"}


def show_step(step: AdoptionStep) -> None:
    """One step, as it is done."""
    terminal.line(_step(step))


def _step(step: AdoptionStep) -> str:
    match step:
        case Prepared(cluster=""):
            text = "OpenBao: policy and role are as declared"
        case Prepared():
            text = f"{step.cluster}: the reader's account and the store are as declared"
        case ReadWithoutSecret():
            text = f"{step.cluster}: External Secrets Operator can read the value; it has not touched the Secret"
        case ValuesCompared():
            text = f"{step.cluster}: compared with version {step.compared.version} in OpenBao: {_comparison(step)}"
        case FieldPut():
            text = f"OpenBao: {step.field} of the Secret is now version {step.version}"
        case Owned():
            text = f"{step.cluster}: the ExternalSecret owns the Secret, which was never absent (same uid)"
        case Cleaned():
            text = f"{step.cluster}: removed from the Secret's annotations: {', '.join(step.annotations)}"
        case Restarting():
            text = f"{step.cluster}: restarting {step.deployment}, which reads the value only when it starts"
    return text


def _comparison(step: ValuesCompared) -> str:
    parts = (
        ("equal", step.compared.equal),
        ("different", step.compared.different),
        ("not in the Secret yet", step.compared.missing),
    )
    return "; ".join(f"{word}: {', '.join(fields)}" for word, fields in parts if fields)


def describe_adoption_obstacle(obstacle: AdoptionObstacle) -> str:
    """What keeps a Secret from being taken over, and the way out."""
    match obstacle:
        case OwnedBy():
            return f"it is {describe_obstacle(obstacle)}, which would write it back: remove it there first"
        case Immutable():
            return (
                "it is immutable, so nobody can change it: give its consumers a Secret with another name, "
                "declare that one, and delete this one when nobody uses it"
            )
        case OtherKeys():
            return (
                f"it also has {', '.join(obstacle.names)}, which would be wiped: declare them in custody.fields and "
                "put them, or move them to a Secret of their own"
            )


def show_adopted(done: Adopted, file: str, declaration: str) -> None:
    """What was done, and what the lane's file says about it."""
    word = "already belonged to the lane" if done.already else "now belongs to the lane"
    terminal.sentence(f"{done.secret} of {done.cluster} {word} · journal {done.record}")
    if declaration == "by hand":
        field = f"deliveries.{done.cluster}"
        edit = EditFile(file="lane", field=f"{field}.external_secret", instead_of=f"{field}.bootstrap_secret")
        terminal.sentence(f"Declare it in {file}: {command(edit)}.")
    elif declaration == "changed":
        terminal.sentence(f"{file} declares it now: external_secret instead of bootstrap_secret. Commit it.")
    terminal.line(f"Next: {command(warden('prove', done.lane))}")


def adopted_json(done: Adopted, declaration: str) -> dict[str, Any]:
    """``lane, cluster, secret, already, compared, cleaned[], restarted[], record, declaration``."""
    return {**msgspec.to_builtins(done), "declaration": declaration}
