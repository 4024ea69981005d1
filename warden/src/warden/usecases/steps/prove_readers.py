"""As whom a lane's readers can be played, what is said before it is done, and who can only show it themselves."""

from collections.abc import Sequence
from typing import Any

from warden.core.lanes.lane import Lane
from warden.core.lanes.readers import CertificateReader, GithubReader, GitlabReader, is_one, shows
from warden.core.proofs.machine_probes import Means, OwnCredentials
from warden.core.proofs.probes import Claims, Machine, MadeToken, Probe, SecretIdSent
from warden.core.secret import Secret  # noqa: TC001 - of a local annotation
from warden.usecases.steps.credentials import SECRET_ID_TTL, TOKEN_TTL, Presented


def presented_for(lane: Lane, given: OwnCredentials, mints: frozenset[str]) -> tuple[Presented, Means]:
    """Which of what the operator presents is a reader's of this lane, and as whom one can log in with it."""
    tokens: dict[str, Secret] = {}
    certificates: dict[str, str] = {}
    for reader in lane.readers:
        if isinstance(reader, GithubReader | GitlabReader):
            tokens.update((reader.label, each.jwt) for each in given.tokens if is_one(reader, each.claims))
        elif isinstance(reader, CertificateReader):
            certificates.update((reader.label, each.path) for each in given.certificates if shows(reader, each.names))
    others = {each.names[0]: each for each in given.certificates}
    certificates |= {name: each.path for name, each in others.items()}
    own = frozenset(reader.label for reader in lane.readers) & {*tokens, *certificates}
    means = Means(minted=mints, own=own, others={name: each.names for name, each in others.items()})
    return Presented(tokens=tokens, certificates=certificates), means


def announcement(asked: Sequence[Probe], nonces: Sequence[str]) -> dict[str, Any]:
    """What the journal says before anything is sent: each probe, and each credential that is made for it."""
    actors = [probe.actor for probe in asked]
    acted = {(each.mount, str(each.workload), each.audience) for each in actors if isinstance(each, Claims)}
    machines = [each for each in actors if isinstance(each, Machine)]
    for each in machines:
        if isinstance(each.credential, MadeToken):
            said = ", ".join(f"{name} {text}" for name, text in each.credential.claims)
            acted.add(
                (each.role.mount, f"{said} (forged)" if each.credential.forged else said, each.credential.audience)
            )
    approles = dict.fromkeys(str(each.role) for each in machines if isinstance(each.credential, SecretIdSent))
    return {
        "probes": {nonce: probe.id for nonce, probe in zip(nonces, asked, strict=True)},
        "tokens": [
            {"mount": mount, "subject": subject, "audience": audience, "ttl": TOKEN_TTL}
            for mount, subject, audience in sorted(acted)
        ],
        "secret_ids": [{"role": role, "ttl": SECRET_ID_TTL, "uses": 1} for role in approles],
    }
