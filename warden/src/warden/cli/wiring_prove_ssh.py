"""What builds adapters for proofs of actors: an sshd of one's own, hosts in use; see `wiring`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from warden.cli import wiring, wiring_ssh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warden.core.inventory.inventory import Inventory
    from warden.ports.audit_log import AuditLog
    from warden.ports.identities import Identities
    from warden.usecases.context import Context
    from warden.usecases.prove_actor import ProveActorTools
    from warden.usecases.prove_actor_at import AtHostTools
    from warden.usecases.sign import SignTools
    from warden.usecases.steps.proof_certificate import ProofTools
    from warden.usecases.steps.ways import WaysIn


def proof_tools(found: Inventory, signing: SignTools, identities: Identities, context: Context) -> ProofTools:
    """What every proof of an actor needs, wherever it is proven."""
    from warden.adapters.ssh.fresh_keys import fresh_key
    from warden.adapters.ssh.throwaway_authority import ThrowAwayAuthority
    from warden.usecases.steps.checkpoint import checkpoint
    from warden.usecases.steps.proof_certificate import ProofTools

    return ProofTools(
        signing=signing,
        authority=wiring_ssh.authority(found.authorities.users),
        caller=wiring.caller(None),
        identities=identities,
        new_key=fresh_key,
        other=ThrowAwayAuthority(),
        checkpoint=lambda actor: checkpoint(context, "proof", actor),
    )


@contextmanager
def actor_prover(shared: ProofTools, audit: AuditLog | None, ways: WaysIn) -> Iterator[ProveActorTools]:
    """With an sshd of this run. Raises `Inconclusive` where there can be none."""
    from warden.adapters.ssh.krl_tools import SshKeygenKrl
    from warden.adapters.ssh.local_sshd import local_sshd
    from warden.adapters.ssh.login_hosts import ThrowAwayHost
    from warden.adapters.ssh.logins import trying_logins
    from warden.adapters.ssh.throwaway_authority import ThrowAwayAuthority
    from warden.usecases.prove_actor import ProveActorTools

    with local_sshd(os.environ) as sshd, trying_logins(os.environ) as logins:
        yield ProveActorTools(
            **msgspec.structs.asdict(shared),
            trusted=ThrowAwayAuthority(),
            krl=SshKeygenKrl(),
            host=ThrowAwayHost(sshd, logins),
            audit=audit,
            ways=ways,
        )


@contextmanager
def host_prover(
    shared: ProofTools, *, host: str, account: str, other_account: str, log_command: str, ssh_config: str
) -> Iterator[AtHostTools]:
    """At the host that the options name."""
    import time

    from warden.adapters.ssh.login_hosts import FarHost
    from warden.adapters.ssh.logins import trying_logins
    from warden.usecases.prove_actor_at import AtHostTools

    with trying_logins(os.environ) as logins:
        far = FarHost(host, account, logins, os.environ, log_command=log_command, config=ssh_config)
        yield AtHostTools(**msgspec.structs.asdict(shared), host=far, other_account=other_account, wait=time.sleep)
