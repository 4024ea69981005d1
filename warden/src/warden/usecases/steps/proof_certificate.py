"""The certificate that an actor's own CA signs for a proof, as one of the actor's identities."""

from collections.abc import Callable

import msgspec

from warden.core.errors import Inconclusive, Refused, UsageError
from warden.core.inventory.inventory import ActorIdentity, NamedActor
from warden.core.journal.checkpoints import NotSigned
from warden.core.journal.checkpoints import Signed as SignedHead
from warden.core.lanes.readers import AppRoleReader
from warden.core.openbao.api import refused_for_address
from warden.core.ssh.callers import log_in_as_person
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_proof import LoginDetail, LoginVerdict, NobodyPlayed
from warden.core.ssh.login_variants import LASTS
from warden.core.ssh.login_verdicts import Attempted, Login
from warden.core.unobserved import unobserved
from warden.ports.caller import Caller
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.identities import Identities
from warden.ports.vault import Vault
from warden.usecases.sign import Signed, SignRequest, SignTools, sign
from warden.usecases.steps.played_identity import as_identity


class ProofTools(msgspec.Struct, frozen=True, kw_only=True):
    """What an actor is proven with.

    Attributes:
        signing, authority, caller: as for `sign`; `identities` makes the credentials of those who are played.
        new_key: makes a key pair, in memory.
        other: a CA of this run that no host trusts.
        checkpoint: signs the journal's head after the actor's proof.
    """

    signing: SignTools
    authority: Callable[[Vault], CertificateAuthority]
    caller: Caller
    identities: Identities
    new_key: Callable[[], FreshKey]
    other: CertificateAuthority
    checkpoint: Callable[[str], SignedHead | NotSigned | None]


class SignedOrNot(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of the actor's own CA and its key; or why there is none."""

    key: FreshKey
    signed: Signed | None = None
    verdict: LoginVerdict


def signed_for(actor: NamedActor, run: str, tools: ProofTools, ttl: int = LASTS) -> SignedOrNot:
    """A certificate as one of the actor's identities has it signed; a refusal is a verdict."""
    key = tools.new_key()
    public_key = next(iter(actor.declared.public_keys), key.public_key)
    ask = SignRequest(
        subject=actor, public_key=public_key, ttl=min(ttl, actor.ttl), reason=f"proof {run}", handed="agent"
    )
    try:
        with as_identity(actor, tools.caller, tools.identities) as caller:
            if caller is None:
                return SignedOrNot(key=key, verdict=_not_signed(_nobody(actor)))
            signed = sign(ask, caller=caller, authority=tools.authority, tools=tools.signing)
    except Refused as fault:
        if refused_for_address(fault.problem):
            return SignedOrNot(key=key, verdict=_not_signed(_nobody(actor)))
        verdict = msgspec.structs.replace(_not_signed(unobserved(fault)), result="wrong", observed="refused")
        return SignedOrNot(key=key, verdict=verdict)
    except (Inconclusive, UsageError) as fault:
        return SignedOrNot(key=key, verdict=_not_signed(unobserved(fault)))
    return SignedOrNot(key=key, signed=signed, verdict=_was_signed(signed))


def login_with(signed: Signed, attempted: Attempted, *, own_host: bool = True) -> Login:
    """The login that was tried with the actor's own certificate; the host has to let it in."""
    made = signed.certificate
    return Login(
        probe="logs-in",
        expected="allowed",
        attempted=attempted,
        serial=made.serial,
        authority=made.authority,
        record=signed.record,
        from_elsewhere=made.critical_options.get("source-address", ""),
        own_host=own_host,
    )


def _was_signed(signed: Signed) -> LoginVerdict:
    return LoginVerdict(
        probe="signed",
        result="ok",
        expected="allowed",
        observed="allowed",
        authority=signed.certificate.authority,
        record=signed.record,
        subject=signed.where,
    )


def _nobody(actor: NamedActor) -> NobodyPlayed:
    people = bool(log_in_as_person(actor))
    return NobodyPlayed(identities=tuple(map(_named, actor.declared.identities)), people=people)


def _named(identity: ActorIdentity) -> str:
    """With the addresses that it is bound to: it may be had from those alone."""
    cidrs = identity.cidrs if isinstance(identity, AppRoleReader) else ()
    return identity.label + (f" from {', '.join(cidrs)}" if cidrs else "")


def _not_signed(detail: LoginDetail) -> LoginVerdict:
    return LoginVerdict(probe="signed", result="inconclusive", expected="allowed", observed="not-asked", detail=detail)


def not_shown(detail: LoginDetail) -> LoginVerdict:
    """That no login could be tried with the actor's certificate, and why."""
    return msgspec.structs.replace(_not_signed(detail), probe="logs-in")
