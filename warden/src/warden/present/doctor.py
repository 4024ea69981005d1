"""What doctor found, in words: one line for each finding and what to do about it, then the rights of each verb."""

from collections.abc import Callable
from typing import Any

import msgspec

from warden.core.findings import (
    AuditFile,
    AuditPlace,
    ClusterAnswer,
    ClusterRights,
    Diagnosis,
    FileWithErrors,
    Finding,
    JournalFile,
    LoggedIn,
    NoAnswer,
    OperatorState,
    OrphansUnknown,
    PlatformDirectory,
    PointAnswer,
    ProbeHeader,
    ServerState,
    Transport,
    UnreadPolicies,
    VerbRights,
)
from warden.core.openbao.api import Identity
from warden.core.openbao.orphans import OrphanedPolicy
from warden.core.openbao.right import Right
from warden.core.plans.lane_plan import Orphan
from warden.core.quoting import name
from warden.core.remedies import RunBao, RunKubectl, SetVariable, warden
from warden.present import errors, terminal
from warden.present.commands import command, commands
from warden.present.doctor_ssh import DESCRIPTIONS_OF_SSH
from warden.present.orphans import MOST, describe_delivery, describe_policy
from warden.present.plans import remove_orphan

_INDENT = 25
_WORDS = {
    "ok": ("ok", "ok"),
    "missing": ("MISSING", "bad"),
    "soon": ("SOON", "warn"),
    "note": ("note", "warn"),
    "unknown": ("??", "warn"),
}
_SHOWN = 3
"""Rights that are named where more are lacking."""

_SCOPES = {"prove": "plan, status, sync, prove", "apply": "apply, adopt", "deactivate": "deactivate, compromise"}
_INSTALL = "https://external-secrets.io/latest/introduction/getting-started/"


def show_diagnosis(found: Diagnosis) -> None:
    """Everything that was found, and the policies that would give the missing rights."""
    terminal.line(f"OpenBao {found.address} ({found.source})" if found.address else "OpenBao: none")
    orphans = [each for each in found.findings if each.about == "orphans"]
    for finding in found.findings:
        if finding not in orphans[MOST:]:
            for each in _lines(finding):
                terminal.line(each)
    if len(orphans) > MOST:
        terminal.note(f"{len(orphans) - MOST} more orphans: {command(warden('plan', all=True))}")
    if not any(each.asked for each in found.rights):
        terminal.note(f"Rights were not checked. Fix what is missing above, then: {command(warden('doctor'))}")
        return
    terminal.line()
    terminal.table(("VERB", "MAY", "PATH", "LACKS"), [row for each in found.rights for row in _rows(each)])
    lacking = [rights for rights in found.rights if rights.lacking]
    if lacking:
        terminal.note("Next, as an administrator, write the policies and give them to whoever needs them:")
    for rights in lacking:
        terminal.note(f"  {policy_pipe(rights)}")


def diagnosis_json(found: Diagnosis) -> dict[str, Any]:
    """``address, source, answered, findings[] {about, verdict, text, hint}, reaches[], exit``."""
    return {
        "address": found.address,
        "source": found.source,
        "answered": found.answered,
        "findings": [
            {"about": each.about, "verdict": each.verdict, "text": described(each)[0], "hint": described(each)[1]}
            for each in found.findings
        ],
        "reaches": [
            {
                **msgspec.to_builtins(each),
                "hint": _rights_hint(each),
                "ok": each.asked and not each.lacking,
            }
            for each in found.rights
        ],
        "exit": int(found.exit),
    }


def policy_pipe(rights: VerbRights) -> str:
    """The least-rights policy of a verb, written to OpenBao."""
    write = RunBao(action="write-policy", name=f"warden-{rights.verb}")
    return f"{command(warden('doctor', policy=rights.verb))} | {command(write)}"


def _rights_hint(rights: VerbRights) -> str:
    if not rights.asked:
        return "fix what is missing above first"
    return command(warden("doctor", policy=rights.verb)) if rights.lacking else ""


def _lines(finding: Finding) -> list[str]:
    word, style = _WORDS[finding.verdict]
    text, hint = described(finding)
    lines = [*_wrapped(text), *(_wrapped(hint) if hint else [])]
    first = f"  {terminal.styled(f'{word:<8}', style)} {finding.about:<13} {lines[0]}"
    return [first, *(" " * _INDENT + each for each in lines[1:])]


def _wrapped(text: str) -> list[str]:
    """The text in lines that fit the terminal beside the names; whole where it is piped."""
    columns = terminal.width()
    return terminal.folded(text, columns - _INDENT, indent=0) if columns else [text]


def _rows(rights: VerbRights) -> list[tuple[str, str, str, str]]:
    if not rights.asked:
        return [(rights.verb, "??", "not asked", "")]
    may = "NO" if rights.lacking else "ok"
    if not rights.missing:
        return [(rights.verb, may, "", "")]
    heads = [(rights.verb, may), *[("", "")] * (len(rights.missing) - 1)]
    return [(*head, *_lack(right)) for head, right in zip(heads, rights.missing, strict=True)]


def _lack(right: Right) -> tuple[str, str]:
    return right.path, f"{', '.join(right.capabilities)}{' (optional)' if right.optional else ''}"


# -- each fact -------------------------------------------------------------------------------------------------------


def described(finding: Finding) -> tuple[str, str]:
    """A finding in words, and what to do about it; the second is empty where there is nothing to do."""
    text, hint = _DESCRIPTIONS[type(finding.fact)](finding.fact)
    return text, "log in again before a long command" if finding.verdict == "soon" else hint


def _no_answer(fact: NoAnswer) -> tuple[str, str]:
    text = errors.message(fact.fault)
    if fact.source:
        start, own_ca = command(warden("dev up")), command(SetVariable("BAO_CACERT", "FILE"))
        return text, f"start it (the embedded one: {start}), or correct {fact.source}; behind a private CA: {own_ca}"
    return text, errors.hint(fact.fault)


def _server(fact: ServerState) -> tuple[str, str]:
    version = f"OpenBao {fact.health.version}"
    if not fact.health.initialized:
        return f"{version} is not initialised", command(RunBao(action="initialize"))
    if fact.health.sealed:
        return f"{version} is sealed", command(RunBao(action="unseal"))
    role = "standby, forwards requests" if fact.health.standby else "active"
    return f"{version}, initialised, unsealed, {role}", ""


def _transport(fact: Transport) -> tuple[str, str]:
    return ("https, certificate verified" if fact.tls else "plain http, stays on this machine"), ""


def _identity(fact: LoggedIn) -> tuple[str, str]:
    who = fact.identity
    role = f", role {name(who.role)}" if who.role else ""
    login = f"auth/{who.mount}" if who.mount else "no login (created by another token)"
    return f"{name(who.display_name)} · {login}{role} · {_time_left(who)}", ""


def _time_left(who: Identity) -> str:
    if not who.ttl:
        return "does not expire"
    hours, minutes = divmod(who.ttl // 60, 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left" if minutes else f"{who.ttl} s left"


def _header(fact: ProbeHeader) -> tuple[str, str]:
    if fact.registered is None:
        grant = command(warden("doctor", policy="doctor"))
        text = "not allowed to see whether X-Lane-Probe is written to the audit log (needs sudo)"
        return text, f"ask an administrator to run this, or to grant: {grant}"
    if fact.registered:
        return "X-Lane-Probe is written to the audit log in clear", ""
    text = "X-Lane-Probe is not written to the audit log, so no probe can be tied to its line"
    return text, command(RunBao(action="register-header", name="X-Lane-Probe"))


def _audit_file(fact: AuditFile) -> tuple[str, str]:
    if fact.readable:
        other = f", read here as {fact.read_as}" if fact.read_as != fact.path else ""
        return f"{fact.path} (readable from here{other})", ""
    read_as = fact.read_as if fact.read_as != fact.path else "it"
    by_command = command(warden("prove", "LANE", audit_command="ssh bao cat …"))
    hint = f"{command(SetVariable('WARDEN_AUDIT', 'FILE-OR-DIRECTORY'))}, or: {by_command}"
    return f"{fact.path} on the server; {read_as} cannot be read from here, so nothing can be proven", hint


def _audit_place(fact: AuditPlace) -> tuple[str, str]:
    if fact.declared is None:
        name = command(SetVariable("WARDEN_AUDIT", "FILE-OR-DIRECTORY"))
        return "the server did not say where it writes them (needs sudo on sys/audit)", f"{name} where they can be read"
    text = "no audit device writes to a file, so no probe can be tied to its line"
    return text, 'declare one in the server\'s configuration: audit "file" "file" { options { file_path = "…" } }'


def _journal(fact: JournalFile) -> tuple[str, str]:
    if fact.fault is not None:
        return errors.problem(fact.fault), errors.hint(fact.fault)
    if fact.signing or fact.signed:
        signed = f"signed {terminal.ago(fact.signed)}" if fact.signed else "not signed yet"
    else:
        signed = "not signed"
    text = f"{fact.path} ({'shared, ' if fact.shared else ''}writable, {signed})"
    return text, _journal_hint(fact)


def _journal_hint(fact: JournalFile) -> str:
    """What could be better about a journal that can be used."""
    if not fact.verified:
        return "the server need not prove that it is the one named: leave sslmode out of the URL (verify-full)"
    if fact.owned:
        let_in = command(warden("journal init", writer="ROLE"))
        return f"this role owns the journal and could remove its triggers; have another one write: {let_in}"
    if fact.signing and not fact.signed:
        return command(warden("journal checkpoint"))
    return ""


def _platform(fact: PlatformDirectory) -> tuple[str, str]:
    if fact.path:
        return fact.path, ""
    return fact.fault, errors.with_steps(fact.hint, commands(fact.remedy))


def _unread(fact: UnreadPolicies) -> tuple[str, str]:
    return f"not read: {', '.join(fact.files)}", f"see why: {command(warden('catalog check'))}"


def _point(fact: PointAnswer) -> tuple[str, str]:
    if not fact.permits_nobody:
        return f"{fact.name} at {fact.url} answers", ""
    text = f"{fact.name} at {fact.url} permits an unknown identity to read a lane that does not exist"
    return text, f"ask whoever runs {fact.name} whether it permits everything"


def _file_with_errors(fact: FileWithErrors) -> tuple[str, str]:
    first, *more = fact.left_out.faults
    text = f"{first.file}:{first.line} {first.field}: {first.message}".replace(" : ", " ")
    others = f" (and {len(more)} more)" if more else ""
    return f"{text}{others}", command(warden("catalog check"))


def _orphaned_policy(fact: OrphanedPolicy) -> tuple[str, str]:
    return describe_policy(fact), commands(fact.removal)


def _orphan(fact: Orphan) -> tuple[str, str]:
    return describe_delivery(fact), command(remove_orphan(fact))


def _orphans_unknown(_: OrphansUnknown) -> tuple[str, str]:
    text = "not allowed to list policies, so those of lanes whose file is gone are not known"
    return text, f"ask an administrator to grant: {command(warden('doctor', policy='doctor'))}"


def _cluster(fact: ClusterAnswer) -> tuple[str, str]:
    return f"{fact.cluster}, {fact.address}, as {fact.caller}", ""


def _operator(fact: OperatorState) -> tuple[str, str]:
    if not fact.served:
        text = f"{fact.cluster} has no External Secrets Operator: {fact.group} is not served"
        return text, f"install it in {fact.cluster}: {_INSTALL}"
    if fact.needed not in fact.served:
        text = f"{fact.cluster} serves {fact.group} {', '.join(fact.served)}, and warden needs {fact.needed}"
        return text, "upgrade External Secrets Operator"
    if fact.elsewhere:
        text = f"{fact.cluster} does not serve every kind as {fact.group}/{fact.needed} ({'; '.join(fact.elsewhere)})"
        return text, "upgrade External Secrets Operator and its CRDs"
    text = f"{fact.cluster} serves {fact.group}/{fact.needed}"
    if not fact.account_there:
        hint = f"set eso of {fact.cluster} in clusters.yaml to the operator's own account"
        return f"{text}, but the operator's account {fact.account} does not exist", hint
    return f"{text}; its account is {fact.account}", ""


def _cluster_rights(fact: ClusterRights) -> tuple[str, str]:
    verbs = f"{_SCOPES[fact.scope]} in {fact.cluster}"
    if not fact.lacking:
        return f"{verbs}, for {fact.lanes} {'lane' if fact.lanes == 1 else 'lanes'}", ""
    more = f" and {len(fact.lacking) - _SHOWN} more" if len(fact.lacking) > _SHOWN else ""
    render = warden("render", fact.lane, cluster=fact.cluster, rights=fact.scope, to=fact.caller)
    give = RunKubectl(context=fact.context, action="apply-stdin")
    missing = "; ".join(map(str, fact.lacking[:_SHOWN]))
    return f"{verbs}: may not {missing}{more}", f"{command(render)} | {command(give)}"


_DESCRIPTIONS: dict[type, Callable[[Any], tuple[str, str]]] = {
    NoAnswer: _no_answer,
    ServerState: _server,
    Transport: _transport,
    LoggedIn: _identity,
    ProbeHeader: _header,
    AuditFile: _audit_file,
    AuditPlace: _audit_place,
    JournalFile: _journal,
    PlatformDirectory: _platform,
    UnreadPolicies: _unread,
    PointAnswer: _point,
    FileWithErrors: _file_with_errors,
    OrphanedPolicy: _orphaned_policy,
    Orphan: _orphan,
    OrphansUnknown: _orphans_unknown,
    ClusterAnswer: _cluster,
    OperatorState: _operator,
    ClusterRights: _cluster_rights,
    **DESCRIPTIONS_OF_SSH,
}
