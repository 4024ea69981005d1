"""Details of verdicts in words: one clause for each kind."""

from collections.abc import Mapping
from functools import singledispatch

from warden.core.plans.plan import BeingDeleted, SharedAccount
from warden.core.proofs import delivery_details, details, exposure_details
from warden.core.unobserved import Unobserved
from warden.present import cluster_details, custody_details, other_ways, terminal
from warden.present.obstacles import describe_note, describe_obstacle
from warden.present.problems import described

FIXED: Mapping[type, str] = {
    details.NoAuditLine: "the audit log has no line of it, so it does not count",
    details.NotWrapped: "the answer was not wrapped",
    details.ObjectsCompared: "",
    details.SettingsChecked: "",
    details.NobodyInspects: "not inspected: no reader that may read could be played",
    details.HeldBack: "not inspected: the audit log would show it in clear, or its line could not be found",
    delivery_details.NotOwned: "nobody owns it: it was made by hand, or its owner was deleted",
    delivery_details.SecretImmutable: "it is immutable, so no new value can reach it",
    delivery_details.NotRenewed: "nothing renews it when the value changes",
    delivery_details.NoReadFound: "the audit log has no read of it: the value came from elsewhere",
    delivery_details.NothingDelivered: "not compared: nothing was delivered just now, or there is no audit line of it",
    delivery_details.NoOtherDelivery: "not compared: no delivery by External Secrets Operator was refreshed beside it",
    exposure_details.Asked: "",
    delivery_details.DeploymentMissing: "Deployment not found",
    delivery_details.NoPodRuns: "none of its pods runs, so nobody uses the value",
    delivery_details.SecretNotObserved: "the Secret does not exist or was not seen, so what runs with it is not known",
    delivery_details.LastChangeUnknown: "when the Secret was last changed is not recorded, so who has it is not known",
}
"""Kinds without facts of their own."""


@singledispatch
def describe_detail(detail: object) -> str:
    """A detail as one clause without a full stop. Raises `TypeError` for a kind that is not described here."""
    if type(detail) not in FIXED:
        raise TypeError(f"no description of {type(detail).__name__}")
    return FIXED[type(detail)]


@describe_detail.register
def _(detail: details.NoLiveVersion) -> str:
    if detail.deleted:
        return f"no live version: version {detail.deleted}, the newest, was deleted; its value can be brought back"
    return "no live version: nothing was put there, or it was destroyed"


@describe_detail.register
def _(detail: Unobserved) -> str:
    return described(detail.problem).rstrip(".")


for _kind, _describe in (custody_details.DESCRIPTIONS | cluster_details.DESCRIPTIONS).items():
    describe_detail.register(_kind, _describe)


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
    right = f" (needs {detail.capability} on {detail.path})" if detail.path else ""
    return f"the caller may not ask this{right}: {detail.reply or 'permission denied'}"


@describe_detail.register
def _(detail: details.ReaderRefused) -> str:
    review = "; if the role is as declared: may OpenBao review tokens in that cluster (system:auth-delegator)?"
    return f"{detail.reply or 'permission denied'}{review if detail.unconfirmed else ''}"


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
def _(detail: details.OnlyMembersCanShow) -> str:
    return f"needs a member: only who logs in at {detail.mount} with the role {detail.role} can show it"


@describe_detail.register
def _(detail: details.ShownByMember) -> str:
    return f"shown by a member, {terminal.ago(detail.at)}; journal {detail.record}"


@describe_detail.register
def _(detail: details.OnlyTheReaderCanShow) -> str:
    if detail.credential == "token":
        return f"only {detail.reader} has such a token: prove in one of its jobs, with the token in WARDEN_ID_TOKEN"
    return f"only who has the certificate can show it: prove again with --certificate FILE, of {detail.reader}"


@describe_detail.register
def _(detail: details.ClosedMeanwhile) -> str:
    reason = f" ({detail.reason})" if detail.reason else ""
    where = f"journal {detail.record}" if detail.record else "by another machine"
    return f"closed meanwhile{reason}; {where}. Denials since then say nothing about the lane"


@describe_detail.register
def _(detail: details.NobodyElse) -> str:
    return other_ways.nobody(detail)


@describe_detail.register
def _(detail: details.OtherWayIn) -> str:
    return other_ways.way_in(detail)


@describe_detail.register
def _(detail: details.NotLookedAt) -> str:
    return other_ways.not_looked_at(detail)


@describe_detail.register
def _(detail: details.DecidedFromPolicies) -> str:
    return f"decided from the policies{other_ways.by_rules(detail.rules)}; a person cannot be played"


@describe_detail.register
def _(detail: details.HeldBeyond) -> str:
    return f"its entity or a group gives it {', '.join(detail.policies)}, besides what its role gives"


@describe_detail.register
def _(detail: delivery_details.SecretMissing) -> str:
    return f"Secret {detail.secret} not found"


@describe_detail.register
def _(detail: delivery_details.OwnedByOther) -> str:
    return describe_obstacle(detail.owner)


@describe_detail.register
def _(detail: delivery_details.OwnerUnknown) -> str:
    return f"whether the ExternalSecret owns it is not known: {describe_detail(detail.because)}"


@describe_detail.register
def _(detail: delivery_details.ExternalSecretMissing) -> str:
    return f"ExternalSecret {detail.external_secret} not found"


@describe_detail.register
def _(detail: delivery_details.RefreshFailed) -> str:
    return f"External Secrets Operator failed: {detail.message}"


@describe_detail.register
def _(detail: delivery_details.NoReaction) -> str:
    last = f" (its last word: {detail.last_reason} at {detail.last_at})" if detail.last_reason else ""
    return f"External Secrets Operator did not react within {detail.waited:.0f} s; is it running?{last}"


@describe_detail.register
def _(detail: delivery_details.NewestUnknown) -> str:
    return (
        f"version {detail.version} was handed out; which is the newest is not known: {describe_detail(detail.because)}"
    )


@describe_detail.register
def _(detail: delivery_details.VersionDiffers) -> str:
    return f"version {detail.handed} was handed out, and {detail.newest} is the newest in OpenBao"


@describe_detail.register
def _(detail: delivery_details.ReadByOtherRole) -> str:
    return f"read with the role {detail.role}, not with {detail.declared}"


@describe_detail.register
def _(detail: delivery_details.ReadByOthers) -> str:
    account = "" if detail.exists else f"; service account {detail.account} not found"
    return f"read as {', '.join(detail.readers)}{account}"


@describe_detail.register
def _(detail: delivery_details.ValueDiffers) -> str:
    holds = "hold other values" if len(detail.fields) > 1 else "holds another value"
    return f"{', '.join(detail.fields)} {holds} than version {detail.version}"


@describe_detail.register
def _(detail: delivery_details.LoggedInClear) -> str:
    fields = ", ".join(detail.fields)
    return f"the audit log holds {fields} in clear, not as a keyed hash (log_raw, or the mount's tuning)"


@describe_detail.register
def _(detail: delivery_details.NumbersInClear) -> str:
    fields = ", ".join(detail.fields)
    return f"the audit log holds {fields} in clear: it hashes text only, and OpenBao has a number there"


@describe_detail.register
def _(detail: delivery_details.EmptyValues) -> str:
    return f"{', '.join(detail.fields)} arrived empty, and an empty value cannot be compared"


@describe_detail.register
def _(detail: delivery_details.CopiesInClear) -> str:
    return f"in clear in {', '.join(detail.keys)}; whoever may read the metadata sees it"


@describe_detail.register
def _(detail: delivery_details.Overwritten) -> str:
    return f"{'; '.join(map(_overwritten_field, detail.fields))}; what read it meanwhile still has that"


def _overwritten_field(field: delivery_details.OverwrittenField) -> str:
    if field.change == "removed":
        return f"{field.field}: removed; by whom is not recorded"
    where = f"{field.field}, which is not the lane's" if field.change == "added" else field.field
    if not field.writers:
        return f"{where}: who wrote it is not recorded (managedFields)"
    writers = (f"{each.manager or 'nobody named'} at {each.at or 'a time not recorded'}" for each in field.writers)
    return f"{where}: written by {' and '.join(writers)}"


@describe_detail.register
def _(detail: BeingDeleted) -> str:
    return describe_obstacle(detail)


@describe_detail.register
def _(detail: delivery_details.KindsUnlisted) -> str:
    return f"not looked at: {', '.join(detail.kinds)}: {describe_detail(detail.because)}"


@describe_detail.register
def _(detail: SharedAccount) -> str:
    return describe_note(detail)


@describe_detail.register
def _(detail: delivery_details.SecretNotUsed) -> str:
    return f"it neither mounts the Secret {detail.secret} nor takes it into its environment"


@describe_detail.register
def _(detail: delivery_details.PodsOfOtherTemplate) -> str:
    return f"{', '.join(detail.pods)} runs an earlier template, without the Secret {detail.secret}"


@describe_detail.register
def _(detail: delivery_details.PodsOlder) -> str:
    return f"{', '.join(detail.pods)} started before the Secret's last change ({detail.changed}) and does not follow it"
