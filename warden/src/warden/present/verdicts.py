"""Verdicts in words: the title of each probe, what a wrong answer means, and what is behind it."""

from collections.abc import Callable, Mapping
from functools import singledispatch

from warden.core.lanes.lane import Lane
from warden.core.plans.plan import NoAudience, ReachesFurther, SharedAccount
from warden.core.proofs import details
from warden.core.proofs.verdict import ProbeId, Verdict
from warden.present.commands import commands
from warden.present.plans import describe_note, describe_obstacle
from warden.present.problems import described

NAMED = 5
"""Subjects that are named where more may read a Secret."""

_Title = Callable[[Verdict, Lane], str]


def _fixed(title: str) -> _Title:
    return lambda _verdict, _lane: title


def _is_by_hand(verdict: Verdict, lane: Lane) -> bool:
    delivery = lane.deliveries.get(verdict.reader.removeprefix("delivery "))
    return delivery is not None and delivery.external_secret is None


def _exposure(verdict: Verdict, _: Lane) -> str:
    if not isinstance(verdict.detail, details.Asked | details.ReadableByOthers):
        return "nobody else may read it"
    asked, known = verdict.detail.asked, verdict.detail.known
    return f"nobody else may read it ({asked} asked{f' for {known}' if known > asked else ''})"


def _objects(verdict: Verdict, _: Lane) -> str:
    count = verdict.detail.count if isinstance(verdict.detail, details.ObjectsCompared) else 0
    return f"{count} objects are as declared"


def _object(verdict: Verdict, _: Lane) -> str:
    if isinstance(verdict.detail, details.ObjectDiffers) and verdict.reader.startswith("delivery "):
        return f"{verdict.detail.kind} {verdict.detail.name} is as declared"
    return f"{verdict.probe} is as declared"


TITLES: Mapping[ProbeId, _Title] = {
    "plan": _fixed("mount, policy and roles are as declared"),
    "mount": _fixed("the mount is KV version 2"),
    "policy": _object,
    "role": _object,
    "live-version": _fixed("a live version has exactly the lane's fields"),
    "no-token": _fixed("request without a token"),
    "reads": lambda _, lane: f"reads {' '.join(lane.custody.fields)} (wrapped)",
    "other-account": lambda verdict, _: f"another service account in {verdict.subject}",
    "other-namespace": _fixed("same account name in another namespace"),
    "other-audience": _fixed("token issued for another audience"),
    "sibling": _fixed("reads a sibling path"),
    "below": _fixed("reads a path below"),
    "lists": _fixed("lists the parent path"),
    "scans": _fixed("scans the parent path"),
    "writes": _fixed("writes the path"),
    "patches": _fixed("patches the path"),
    "deletes": _fixed("deletes a version"),
    "undeletes": _fixed("undeletes a version"),
    "destroys": _fixed("destroys a version"),
    "capabilities": _fixed("has the capability to read, and no other"),
    "other-lane": lambda verdict, _: f"reader of another lane ({verdict.subject})",
    "member": lambda verdict, _: f"a member of {verdict.subject} reads",
    "audit": _fixed("the audit log can be read"),
    "closed": _fixed("the lane stayed open during the proof"),
    "delivery": lambda verdict, _: f"delivered to {verdict.subject}",
    "objects": _objects,
    "namespace": _object,
    "serviceaccount": _object,
    "rolebinding": _object,
    "secretstore": _object,
    "clustersecretstore": _object,
    "externalsecret": _object,
    "synced": _fixed("a refresh requested now is followed"),
    "shared-account": lambda verdict, _: f"read as {verdict.subject}, which others may share",
    "handed-out": lambda verdict, _: f"handed out to {verdict.subject} itself",
    "secret": _fixed("owned by the ExternalSecret, the lane's fields"),
    "value": lambda verdict, lane: (
        "holds the newest value in OpenBao" if _is_by_hand(verdict, lane) else "holds the value that OpenBao handed out"
    ),
    "by-hand": _fixed("Secret made by hand has the lane's fields"),
    "healed": _fixed("Secret was overwritten before this refresh"),
    "plaintext": _fixed("no copy of it in annotations or labels"),
    "consumer": lambda verdict, _: f"{verdict.subject} runs with it",
    "exposure": _exposure,
}

MEANINGS: Mapping[ProbeId, str] = {
    "reads": "a declared reader cannot read",
    "no-token": "the path can be read without any identity",
    "other-account": "the role accepts other accounts of the namespace",
    "other-namespace": "the role accepts accounts of other namespaces",
    "other-audience": "the role has no audience set, so a token for any service can log in",
    "sibling": "the reader's policies reach further than this path",
    "below": "the reader's policies reach further than this path",
    "lists": "the reader's policies reach further than this path",
    "scans": "the reader's policies reach further than this path",
    "writes": "a reader can change or destroy the value",
    "patches": "a reader can change or destroy the value",
    "deletes": "a reader can change or destroy the value",
    "undeletes": "a reader can change or destroy the value",
    "destroys": "a reader can change or destroy the value",
    "capabilities": "the reader holds more than read on this path",
    "other-lane": "the reader of another lane reads this one",
}
"""What it means where a probe is answered wrongly; what is compared instead says itself what differs."""


def title(verdict: Verdict, lane: Lane) -> str:
    """What was tried."""
    return TITLES[verdict.probe](verdict, lane)


def explanation(verdict: Verdict) -> str:
    """What the verdict means and what is behind it; empty where its title says everything."""
    if isinstance(verdict.detail, details.ObjectDiffers):
        return _object_differs(verdict.detail, verdict)
    if isinstance(verdict.detail, details.NotRenewed):
        return f"{describe_detail(verdict.detail)}; to have it delivered: {commands(verdict.remedy)}"
    detail = describe_detail(verdict.detail) if verdict.detail is not None else ""
    if verdict.observed == "logged-in" and verdict.result == "wrong":
        detail = "the login was accepted, only the read was refused"
    says_it_all = isinstance(verdict.detail, details.GrantedByOthers) and bool(verdict.detail.only)
    meaning = "" if verdict.result != "wrong" or says_it_all else MEANINGS.get(verdict.probe, "")
    return ": ".join(filter(None, (meaning, detail)))


def _object_differs(detail: details.ObjectDiffers, verdict: Verdict) -> str:
    if detail.action == "create":
        return f"{detail.name} not found"
    if not detail.kind[:1].isupper():  # an object of OpenBao: its differences are shown
        return ": ".join(filter(None, (detail.name, _widening(detail))))
    fields = dict.fromkeys(each.field for each in verdict.differences)
    differs = f"differs from the declaration: {', '.join(fields)}" if fields else ""
    obstacle = describe_obstacle(detail.obstacle) if detail.obstacle is not None else ""
    return "; ".join(filter(None, (differs, obstacle)))


def _widening(detail: details.ObjectDiffers) -> str:
    if isinstance(detail.widening, ReachesFurther):
        return f"the policy reaches further than the lane: {'; '.join(detail.widening.stanzas)}"
    if isinstance(detail.widening, NoAudience):
        return "the role has no audience set, so a token for any service can log in"
    return ""


# -- details ----------------------------------------------------------------------------------------------------------


@singledispatch
def describe_detail(detail: object) -> str:
    """A detail as one clause without a full stop. Raises `TypeError` for a kind that is not described here."""
    raise TypeError(f"no description of {type(detail).__name__}")


@describe_detail.register
def _(detail: details.Unobserved) -> str:
    return described(detail.problem).rstrip(".")


@describe_detail.register
def _(detail: details.NotSent) -> str:
    return f"not sent: {describe_detail(detail.because)}; not counted as a denial"


@describe_detail.register
def _(detail: details.ReaderCannotLogIn) -> str:
    return f"not sent: the reader itself cannot log in: {describe_detail(detail.because)}; not counted as a denial"


@describe_detail.register
def _(detail: details.NoAnswer) -> str:
    return f"{describe_detail(detail.because)}; not counted as a denial"


@describe_detail.register
def _(detail: details.UnclearReply) -> str:
    return f"{f'answered {detail.status} {detail.reply}'.strip()}; not counted as a denial"


@describe_detail.register
def _(_: details.NoAuditLine) -> str:
    return "the audit log has no line of it, so it does not count"


@describe_detail.register
def _(detail: details.GrantedByOthers) -> str:
    policies = ", ".join(detail.policies)
    if detail.only:
        return f"the read was granted by {policies or 'no policy'}, not by {detail.only} alone"
    return f"granted by {policies}"


@describe_detail.register
def _(detail: details.OtherReason) -> str:
    return f"refused for another reason than the one tried: {detail.reply}"


@describe_detail.register
def _(detail: details.RefusedAtLogin) -> str:
    return f"refused at the login, before the policy was asked: {detail.reply}"


@describe_detail.register
def _(detail: details.CallerRefused) -> str:
    return f"the caller may not ask this: {detail.reply or 'permission denied'}"


@describe_detail.register
def _(detail: details.ReaderRefused) -> str:
    review = "; if the role is as declared: may OpenBao review tokens in that cluster (system:auth-delegator)?"
    return f"{detail.reply or 'permission denied'}{review if detail.unconfirmed else ''}"


@describe_detail.register
def _(_: details.NotWrapped) -> str:
    return "the answer was not wrapped"


@describe_detail.register
def _(_: details.NoLiveVersion) -> str:
    return "no live version: nothing was put there, or it was deleted"


@describe_detail.register
def _(detail: details.FieldsDiffer) -> str:
    missing = f"missing: {', '.join(detail.missing)}" if detail.missing else ""
    extra = f"not declared: {', '.join(detail.extra)}" if detail.extra else ""
    return "; ".join(filter(None, (missing, extra)))


@describe_detail.register
def _(detail: details.CapabilitiesDiffer) -> str:
    return "; ".join(f"{each.path}: {', '.join(each.held) or 'not stated'}" for each in detail.paths)


@describe_detail.register
def _(detail: details.NotKvVersion2) -> str:
    return f"{detail.mount}/ is not KV version 2; no probe was sent, since one might overwrite a value there"


@describe_detail.register
def _(_: details.ObjectsCompared) -> str:
    return ""


@describe_detail.register
def _(detail: details.OnlyMembersCanShow) -> str:
    return f"only a member can show it: log in at {detail.mount} with the role {detail.role}, and prove again"


@describe_detail.register
def _(detail: details.ClosedMeanwhile) -> str:
    reason = f" ({detail.reason})" if detail.reason else ""
    return f"closed meanwhile{reason}; journal {detail.record}. Denials since then say nothing about the lane"


@describe_detail.register
def _(detail: details.SecretMissing) -> str:
    return f"Secret {detail.secret} not found"


@describe_detail.register
def _(detail: details.OwnedByOther) -> str:
    return describe_obstacle(detail.owner)


@describe_detail.register
def _(_: details.NotOwned) -> str:
    return "nobody owns it: it was made by hand, or its owner was deleted"


@describe_detail.register
def _(detail: details.OwnerUnknown) -> str:
    return f"whether the ExternalSecret owns it is not known: {describe_detail(detail.because)}"


@describe_detail.register
def _(_: details.SecretImmutable) -> str:
    return "it is immutable, so no new value can reach it"


@describe_detail.register
def _(_: details.NotRenewed) -> str:
    return "nothing renews it when the value changes"


@describe_detail.register
def _(detail: details.ExternalSecretMissing) -> str:
    return f"ExternalSecret {detail.external_secret} not found"


@describe_detail.register
def _(detail: details.RefreshFailed) -> str:
    return f"External Secrets Operator failed: {detail.message}"


@describe_detail.register
def _(detail: details.NoReaction) -> str:
    return f"no reaction: {detail.message}".rstrip(": ")


@describe_detail.register
def _(detail: details.NewestUnknown) -> str:
    return (
        f"version {detail.version} was handed out; which is the newest is not known: {describe_detail(detail.because)}"
    )


@describe_detail.register
def _(detail: details.VersionDiffers) -> str:
    return f"version {detail.handed} was handed out, and {detail.newest} is the newest in OpenBao"


@describe_detail.register
def _(detail: details.ReadByOtherRole) -> str:
    return f"read with the role {detail.role}, not with {detail.declared}"


@describe_detail.register
def _(detail: details.ReadByOthers) -> str:
    account = "" if detail.exists else f"; service account {detail.account} not found"
    return f"read as {', '.join(detail.readers)}{account}"


@describe_detail.register
def _(_: details.NoReadFound) -> str:
    return "the audit log has no read of it: the value came from elsewhere"


@describe_detail.register
def _(_: details.NothingDelivered) -> str:
    return "not compared: nothing was delivered just now, or there is no audit line of it"


@describe_detail.register
def _(_: details.NoOtherDelivery) -> str:
    return "not compared: no delivery by External Secrets Operator was refreshed beside it"


@describe_detail.register
def _(detail: details.ValueDiffers) -> str:
    holds = "hold other values" if len(detail.fields) > 1 else "holds another value"
    return f"{', '.join(detail.fields)} {holds} than version {detail.version}"


@describe_detail.register
def _(detail: details.LoggedInClear) -> str:
    fields = ", ".join(detail.fields)
    return f"the audit log holds {fields} in clear, not as a keyed hash (log_raw, or the mount's tuning)"


@describe_detail.register
def _(detail: details.CopiesInClear) -> str:
    return f"in clear in {', '.join(detail.keys)}; whoever may see metadata sees it"


@describe_detail.register
def _(_: details.Asked) -> str:
    return ""


@describe_detail.register
def _(detail: details.ReadableByOthers) -> str:
    named = [
        f"{each.subject} by {', '.join(map(_binding, each.bindings)) or 'another authorizer'}"
        for each in detail.subjects
    ]
    more = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return f"{'; '.join(named[:NAMED] + more)}; if intended, add them to may_read_secrets in clusters.yaml"


def _binding(ref: object) -> str:
    kind, namespace, name = (str(getattr(ref, part)) for part in ("kind", "namespace", "name"))
    return f"{kind.lower()} {name}{f' -n {namespace}' if namespace else ''}"


@describe_detail.register
def _(detail: details.Overwritten) -> str:
    return f"{'; '.join(map(_overwritten_field, detail.fields))}; what read it meanwhile still has that"


def _overwritten_field(field: details.OverwrittenField) -> str:
    if field.change == "removed":
        return f"{field.field}: removed; by whom is not recorded"
    where = f"{field.field}, which is not the lane's" if field.change == "added" else field.field
    if not field.writers:
        return f"{where}: who wrote it is not recorded (managedFields)"
    writers = (f"{each.manager or 'nobody named'} at {each.at or 'a time not recorded'}" for each in field.writers)
    return f"{where}: written by {' and '.join(writers)}"


@describe_detail.register
def _(detail: SharedAccount) -> str:
    return describe_note(detail)


@describe_detail.register
def _(_: details.DeploymentMissing) -> str:
    return "Deployment not found"


@describe_detail.register
def _(detail: details.SecretNotUsed) -> str:
    return f"it neither mounts the Secret {detail.secret} nor takes it into its environment"


@describe_detail.register
def _(_: details.NoPodRuns) -> str:
    return "none of its pods runs, so nobody uses the value"


@describe_detail.register
def _(detail: details.PodsOfOtherTemplate) -> str:
    return f"{', '.join(detail.pods)} runs an earlier template, without the Secret {detail.secret}"


@describe_detail.register
def _(_: details.SecretNotObserved) -> str:
    return "the Secret does not exist or was not seen, so what runs with it is not known"


@describe_detail.register
def _(_: details.LastChangeUnknown) -> str:
    return "when the Secret was last changed is not recorded, so who has it is not known"


@describe_detail.register
def _(detail: details.PodsOlder) -> str:
    return f"{', '.join(detail.pods)} started before the Secret's last change ({detail.changed}) and does not follow it"
