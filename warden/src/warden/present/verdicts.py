"""Verdicts in words: the title of each probe, what a wrong answer means, and what is behind it."""

from collections.abc import Callable, Mapping

from warden.core.lanes.lane import Lane
from warden.core.lanes.readers import MachineReader
from warden.core.plans.plan import NoAudience, ReachesFurther
from warden.core.proofs import delivery_details, details, exposure_details
from warden.core.proofs.verdict import ProbeId, Verdict
from warden.present import other_ways
from warden.present.commands import commands
from warden.present.details import describe_detail
from warden.present.obstacles import describe_obstacle

_Title = Callable[[Verdict, Lane], str]


def _fixed(title: str) -> _Title:
    return lambda _verdict, _lane: title


def _is_by_hand(verdict: Verdict, lane: Lane) -> bool:
    delivery = lane.deliveries.get(verdict.cluster)
    return delivery is not None and delivery.external_secret is None


def _is_machine(verdict: Verdict, lane: Lane) -> bool:
    return any(each.label == verdict.reader and isinstance(each, MachineReader) for each in lane.readers)


def _exposure(verdict: Verdict, _: Lane) -> str:
    if not isinstance(verdict.detail, exposure_details.Asked | exposure_details.ReadableByOthers):
        return "nobody else may read it"
    return f"nobody else may read it ({verdict.detail.known} known, {verdict.detail.asked} asked)"


def _taken(verdict: Verdict, _: Lane) -> str:
    if isinstance(verdict.detail, delivery_details.OperatorSearched):
        return f"nothing else takes or writes it ({verdict.detail.objects} objects)"
    return "nothing else takes or writes it"


def _copies(verdict: Verdict, _: Lane) -> str:
    if isinstance(verdict.detail, delivery_details.CopiesSought):
        return f"no copy of it elsewhere ({verdict.detail.objects} objects)"
    return "no copy of it elsewhere"


def _objects(verdict: Verdict, _: Lane) -> str:
    count = verdict.detail.count if isinstance(verdict.detail, details.ObjectsCompared) else 0
    return f"{count} object{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} as declared"


def _custody(verdict: Verdict, _: Lane) -> str:
    count = verdict.detail.count if isinstance(verdict.detail, details.SettingsChecked) else 0
    return f"{count} setting{'' if count == 1 else 's'} of path, mount and audit log"


def _object(verdict: Verdict, _: Lane) -> str:
    if isinstance(verdict.detail, details.ObjectDiffers) and verdict.cluster:
        return f"{verdict.detail.kind} {verdict.detail.name} is as declared"
    return f"{verdict.probe} is as declared"


def _nobody_else(verdict: Verdict, _: Lane) -> str:
    if isinstance(verdict.detail, details.OtherWayIn):
        return f"nobody else reaches it: {verdict.subject}"
    if isinstance(verdict.detail, details.NotLookedAt):
        return f"nobody else reaches it through {other_ways.subject_words(verdict.detail)}"
    return "nobody else can reach it"


TITLES: Mapping[ProbeId, _Title] = {
    "plan": _fixed("mount, policy and roles are as declared"),
    "mount": _fixed("the mount is KV version 2"),
    "policy": _object,
    "policy-expires": _fixed("policy does not expire"),
    "role": _object,
    "approvers": _fixed("the group of approvers is as declared"),
    "metadata": _object,
    "cas-required": _fixed("a write requires a check-and-set"),
    "max-versions": _fixed("keeps more than one version"),
    "expiring-version": _fixed("the value does not delete itself"),
    "value-in-metadata": _fixed("no copy of it in the path's custom metadata"),
    "log-raw": _fixed("audit devices hash what they log"),
    "response-in-clear": _fixed("the mount's audit lines hash the fields"),
    "probe-header": _fixed("the audit log shows the probes' header"),
    "custody": _custody,
    "value-form": _fixed("its form is that of a secret"),
    "live-version": _fixed("a live version has exactly the lane's fields"),
    "no-token": _fixed("request without a token"),
    "reads": lambda _, lane: f"reads {' '.join(lane.custody.fields)} (wrapped)",
    "approval": lambda verdict, _: f"reads only after approval by {verdict.subject}",
    "unapproved": _fixed("reads without an approval"),
    "self-approved": _fixed("approves its own read"),
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
    "other-repository": lambda verdict, _: f"job of another repository ({verdict.subject})",
    "fork": lambda verdict, _: f"job of a fork ({verdict.subject})",
    "other-id": _fixed("repository that took over the name"),
    "other-ref": lambda verdict, _: f"job of another branch or tag ({verdict.subject})",
    "pull-ref": lambda verdict, _: f"job of a pull request ({verdict.subject})",
    "pull-request": lambda verdict, _: f"job that a proposed change starts ({verdict.subject})",
    "unprotected": _fixed("job of a branch that is not protected"),
    "other-environment": lambda verdict, _: f"job of another environment ({verdict.subject})",
    "forged-token": _fixed("token with the right claims, wrongly signed"),
    "unknown-secret-id": _fixed("made-up SecretID"),
    "no-secret-id": _fixed("RoleID without a SecretID"),
    "other-authority": _fixed("certificate of that name, of another authority"),
    "no-certificate": _fixed("login without a certificate"),
    "other-name": lambda verdict, _: f"certificate of another name ({verdict.subject})",
    "member": lambda verdict, lane: (
        f"{verdict.reader} reads" if _is_machine(verdict, lane) else f"a member of {verdict.subject} reads"
    ),
    "nobody-else": _nobody_else,
    "reader-holds": _fixed("holds only the lane's policies"),
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
    "indirect": _fixed("nobody else can get it by pods, tokens or roles"),
    "authorizer": _fixed("the API server decides as RBAC says"),
    "token-secrets": _fixed("no reader's token that never expires"),
    "taken-elsewhere": _taken,
    "copies": _copies,
}

MEANINGS: Mapping[ProbeId, str] = {
    "reads": "a declared reader cannot read",
    "approval": "the reader gets the value without an approval, or by somebody else's rule",
    "unapproved": "the reader gets the value without an approval",
    "self-approved": "the reader's own approval counts",
    "no-token": "the path can be read without any identity",
    "other-account": "the role accepts other accounts of the namespace",
    "other-namespace": "the role accepts accounts of other namespaces",
    "other-audience": "the role has no audience set, so a token for any service can log in",
    "other-repository": "the role accepts jobs of other repositories",
    "fork": "the role accepts jobs of anybody's fork",
    "other-id": "the role accepts any repository that bears the name",
    "other-ref": "the role accepts jobs of other branches and tags",
    "pull-ref": "the role accepts jobs of pull requests, which anybody may be able to open",
    "pull-request": "the role accepts jobs that a proposed change starts",
    "unprotected": "the role accepts branches that anybody who may push can make",
    "other-environment": "the role accepts jobs of other environments",
    "forged-token": "the mount accepts tokens whatever their signature",
    "unknown-secret-id": "whoever knows the RoleID can log in",
    "no-secret-id": "whoever knows the RoleID can log in",
    "other-authority": "the role accepts certificates that anybody can make",
    "no-certificate": "the role accepts connections without a certificate",
    "other-name": "the role accepts other names of the same authority",
    "sibling": "the reader's policies reach further than this path",
    "below": "the reader's policies reach further than this path",
    "lists": "the reader's policies reach further than this path",
    "scans": "the reader's policies reach further than this path",
    "writes": "a reader can change or destroy the value",
    "patches": "a reader can change or destroy the value",
    "deletes": "a reader can change or destroy the value",
    "undeletes": "a reader can change or destroy the value",
    "destroys": "a reader can change or destroy the value",
    "cas-required": "a write may replace a value that its writer has not seen",
    "policy-expires": "access ends by itself, without anybody closing the lane",
    "value-form": "it is probably not the secret that was meant",
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
    if isinstance(verdict.detail, delivery_details.NotRenewed):
        return f"{describe_detail(verdict.detail)}; to have it delivered: {commands(verdict.remedy)}"
    detail = describe_detail(verdict.detail) if verdict.detail is not None else ""
    if verdict.observed == "logged-in" and verdict.result == "wrong":
        detail = "the login was accepted, only the read was refused"
    says_it_all = isinstance(verdict.detail, details.GrantedByOthers) and bool(verdict.detail.only)
    meaning = "" if verdict.result != "wrong" or says_it_all else MEANINGS.get(verdict.probe, "")
    return ": ".join(filter(None, (meaning, detail)))


def _object_differs(detail: details.ObjectDiffers, verdict: Verdict) -> str:
    if detail.action == "create":
        return f"{detail.kind} {detail.name} not found"
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
