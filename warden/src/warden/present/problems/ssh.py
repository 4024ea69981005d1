"""What is wrong with SSH certificates, keys, actors and authorities, in words."""

from collections.abc import Mapping

from warden.core.quoting import name, quoted
from warden.core.ssh.certificate import Part
from warden.core.ssh.decision import KeyNotListed, TtlOverLimit, UnfitName, UnknownActor
from warden.core.ssh.emergency import EmergencyDenied, NoSuchEmergency, ReasonWanted, SamePerson
from warden.core.ssh.errors import (
    AlreadyDeclared,
    AuthorityUnusable,
    BadCertificate,
    BadPublicKey,
    Discarded,
    InventoryNotEdited,
    KeyFault,
    NotAsDecided,
    OfKey,
)
from warden.core.ssh.revocation import KeyRevoked
from warden.present.durations import span
from warden.present.problems import describe, described

_KEYS: Mapping[KeyFault, str] = {
    "empty": "the public key is empty",
    "private": "this is a private key; give the public one (the file that ends in .pub)",
    "several-lines": "expected one public key, got several lines",
    "certificate": "this is a certificate, not a public key; give the key itself",
    "dsa": "the key is of type DSA, which OpenSSH no longer accepts",
    "small": "the RSA key is shorter than 2048 bits",
    "malformed": "this is not a public key of OpenSSH; expected one line: ssh-ed25519 AAAA…",
}
_PARTS: Mapping[Part, str] = {
    "type": "type",
    "key": "public key",
    "key-id": "key id",
    "principals": "principals",
    "valid-after": "start of validity",
    "valid-before": "end of validity",
    "critical-options": "critical options",
    "extensions": "extensions",
    "serial": "serial",
    "authority": "signing key",
}


@describe.register
def _(problem: BadPublicKey) -> str:
    return f"{problem.file}: {_KEYS[problem.fault]}" if problem.file else _KEYS[problem.fault]


@describe.register
def _(problem: OfKey) -> str:
    return f"{problem.file}: {described(problem.problem)}"


@describe.register
def _(problem: BadCertificate) -> str:
    return f"the certificate cannot be used: {problem.why}"


@describe.register
def _(problem: NotAsDecided) -> str:
    wrong = "; ".join(
        f"{_PARTS[each.part]}: expected {quoted(each.decided)}, got {quoted(each.found)}"
        for each in problem.differences
    )
    return f"the certificate that {problem.where} signed for {problem.subject} is not what was decided ({wrong})"


@describe.register
def _(problem: AuthorityUnusable) -> str:
    return f"the CA key {problem.where} {problem.why}"


@describe.register
def _(effect: Discarded) -> str:
    if effect.written:
        before = ", ".join(effect.written)
        return f"Written before that: {before}. The other certificates were discarded; older ones were not replaced."
    if effect.several:
        return "All certificates that were signed were discarded; older ones were not replaced."
    return "The certificate was discarded; an older one was not replaced."


@describe.register
def _(problem: TtlOverLimit) -> str:
    return (
        f"{problem.subject} gets certificates of at most {span(problem.most)}, and {span(problem.asked)} was asked for"
    )


@describe.register
def _(problem: KeyNotListed) -> str:
    return f"{problem.fingerprint} is not among the public keys of {problem.subject} in inventory.yaml"


@describe.register
def _(problem: KeyRevoked) -> str:
    return f"{problem.fingerprint} is revoked ({quoted(problem.reason)})"


@describe.register
def _(problem: UnknownActor) -> str:
    near = f"; nearest: {', '.join(problem.nearest)}" if problem.nearest else ""
    what = {"actor": "an actor", "host": "a host", "either": "an actor or host"}[problem.what]
    return f"{name(problem.subject)} is not {what} of inventory.yaml{near}"


@describe.register
def _(problem: UnfitName) -> str:
    return f"your name, {quoted(problem.display_name)!r}, cannot stand in a certificate: sshd's log would be misread"


@describe.register
def _(problem: AlreadyDeclared) -> str:
    return f"inventory.yaml already has the {problem.what} {name(problem.name)}"


@describe.register
def _(problem: InventoryNotEdited) -> str:
    return f"{problem.file} is written in a form that cannot be added to without changing the rest; add it by hand"


@describe.register
def _(_problem: ReasonWanted) -> str:
    return "a certificate without OpenBao needs --reason TEXT, which the journal keeps"


@describe.register
def _(problem: EmergencyDenied) -> str:
    by = f" ({', '.join(problem.policies)})" if problem.policies else ""
    what = f"{quoted(problem.who)} a certificate of {problem.subject} without OpenBao"
    return f"the access policy of this machine denies {what}{by}; one has to permit the action break-glass"


@describe.register
def _(problem: NoSuchEmergency) -> str:
    numbers = ", ".join(map(str, problem.waiting))
    left = f"to be acknowledged: {numbers}" if numbers else "none is to be acknowledged"
    return f"no certificate was signed without OpenBao under journal {problem.record}; {left}"


@describe.register
def _(problem: SamePerson) -> str:
    signed = f"{quoted(problem.signer)} signed the certificate of journal {problem.record}"
    return f"you are {quoted(problem.caller)}, and {signed}; somebody else has to acknowledge it"
