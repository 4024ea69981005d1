"""SSH certificates from the inventory to a revocation, on a real OpenBao and a real sshd; nothing is left behind.

An actor is declared and applied, its certificate logs in, others are refused, each for its own reason; then it is
revoked, and refused at its next login. Each command that is shown is the command that is run. Exits with 0 only if
every step gave the expected answer.
"""

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from demo.runner import Demo, DemoError, play

from warden.adapters.ssh.local_sshd import LocalSshd, local_sshd

if TYPE_CHECKING:
    from collections.abc import Callable

ACTOR, WORKLOAD = "agt-deploy", "activity-core/deploy"
WAYS = 8
"""In how many ways the host has to refuse, at least."""
AIM, LIMIT = 1.0, 5.0
"""Seconds within which a revoked certificate is to be refused, once the list of what is revoked is in place; and where
the demo fails, since a login takes longer on a machine that does much else.
"""

INVENTORY = """\
authorities:
  users: {openbao: ssh}
actors:
  agt-deploy:
    description: the agent that deploys
    identities:
      - workload: activity-core/deploy
    principals: [deploy]
    ttl: 10m
    source_addresses: [127.0.0.0/8]
    hosts: [web]
  atm-backup:
    description: the nightly backup
    identities:
      - workload: activity-core/backup
    principals: [backup]
    ttl: 5m
    source_addresses: [127.0.0.0/8]
    force_command: /usr/local/bin/backup --nightly
    hosts: [web]
hosts:
  web: {names: [web]}
"""
CONFIG = """\
Host web
  HostName 127.0.0.1
  Port {port}
  User {account}
  UserKnownHostsFile {known_hosts}
  HostKeyAlias [127.0.0.1]:{port}
  IdentityFile {home}/key
  CertificateFile {home}/key-cert.pub
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
"""


class SshDemo:
    """The steps, with the host that they share."""

    def __init__(self, sshd: LocalSshd) -> None:
        self.sshd = sshd

    def declared(self, demo: Demo) -> None:
        """The platform, the inventory, and the objects in OpenBao that follow from it."""
        demo.say(
            "A temporary platform", "One real OpenBao with an audit log and no root token. It is removed at the end."
        )
        demo.run("warden dev up")
        demo.say("Declare", "One file: who may have which certificate, for which hosts, and who signs them.")
        (demo.home / "platform" / "inventory.yaml").write_text(INVENTORY)
        signing_key(demo)
        demo.show(INVENTORY)
        demo.run("warden inventory list")
        demo.say("Apply", "The CA in OpenBao, and a role, a policy and a login for each actor: OpenBao limits them.")
        demo.act_as("platform")
        demo.run(f"warden plan {ACTOR}", expect=1)
        for actor in (ACTOR, "atm-backup"):
            demo.run(f"warden apply {actor}", quiet=True)
        demo.run(f"warden apply {ACTOR}")

    def host(self, demo: Demo) -> None:
        """A real sshd that trusts the CA."""
        demo.say("A host", "A real sshd with the three files of a host. Its account knows the principal deploy.")
        self.sshd.trust(*demo.run("warden ssh ca show").splitlines())
        self.sshd.authorize("deploy")
        config = CONFIG.format(
            port=self.sshd.port,
            account=self.sshd.account,
            known_hosts=f"{self.sshd.folder}/known_hosts",
            home=demo.home,
        )
        (demo.home / "ssh_config").write_text(config)
        for name in ("trusted_ca", f"principals.{self.sshd.account}"):
            demo.run(f"cat {self.sshd.folder}/{name}")

    def logged_in(self, demo: Demo) -> None:
        """The agent has its key signed, and logs in."""
        demo.say("Sign", "As the workload activity-core/deploy, for ten minutes. Its private key stays where it is.")
        demo.run(f"ssh-keygen -q -t ed25519 -N '' -C '' -f {demo.home}/key")
        token = demo.home / "service-account-token"
        demo.run(f"warden dev token {WORKLOAD} --out {token}")
        del demo.env["BAO_TOKEN"]
        signed = f"warden sign {ACTOR} --pubkey {demo.home}/key.pub --out {demo.home}/key-cert.pub"
        demo.run(f"{signed} --reason 'release 7' --token-file {token}")
        demo.run(f"ssh-keygen -L -f {demo.home}/key-cert.pub")
        demo.say("Log in", "sshd writes the serial of the certificate to its log; the journal has it, too.")
        demo.run(f"ssh -F {demo.home}/ssh_config web echo inside")
        demo.show(next(line for line in self.sshd.log().splitlines() if line.startswith("Accepted publickey")))

    def refused(self, demo: Demo) -> None:
        """The proof at an sshd of its own, and at the host."""
        demo.say("Refused", "As the platform engineer: warden plays the agent, and shows sshd what must not log in.")
        demo.act_as("platform")
        output = demo.run(f"warden prove {ACTOR}")
        ways = sum(line.startswith("  ok ") and " denied" in line for line in output.splitlines())
        demo.show(f"refused in {ways} ways")
        if ways < WAYS:
            raise DemoError(f"the proof shows {ways} refusals, expected {WAYS}")
        demo.say("At the host itself", "Over ssh, and harmless: no command is run there.")
        reach = f"--host web --ssh-config {demo.home}/ssh_config --account {self.sshd.account} --other-account daemon"
        demo.run(f"warden prove {ACTOR} {reach} --log-command 'cat {self.sshd.folder}/log'")

    def revoked(self, demo: Demo) -> None:
        """Revoked, published, pulled by the host, and refused."""
        demo.say("Revoke", "What the issue log knows of the agent goes to a signed list, which the host pulls.")
        signers = demo.home / "krl_signers"
        signers.write_text(demo.run("warden ssh krl signers"))
        with demo.serving("warden ssh krl serve --listen 127.0.0.1:0", "krl.log") as url:
            demo.run(f"warden ssh revoke --actor {ACTOR} --reason 'laptop stolen' --yes")
            published = time.perf_counter()
            demo.run(f"warden ssh krl pull {url} --file {self.sshd.folder}/revoked --signers {signers}")
        in_place = time.perf_counter()
        demo.run(f"ssh -F {demo.home}/ssh_config web echo inside", expect=255)
        refused = time.perf_counter()
        demo.show(next(line for line in reversed(self.sshd.log().splitlines()) if "revoked by file" in line))
        demo.show(f"refused {refused - in_place:.2f} s after the list was in place (aim: {AIM:.0f} s)")
        demo.show(f"and {refused - published:.2f} s after it was published")
        if refused - in_place > LIMIT:
            raise DemoError(f"it took {refused - in_place:.2f} s until the revoked certificate was refused")

    def looked_back(self, demo: Demo) -> None:
        """The journal is unbroken, and the private key is in one file."""
        demo.say("Look back", "Every certificate and every refusal is in the hash-chained journal.")
        demo.run(f"warden ssh log {ACTOR}")
        demo.run("warden journal verify")


def signing_key(demo: Demo) -> None:
    """The key that signs what is revoked, declared in platform.yaml."""
    key = demo.home / "signing"
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
    subprocess.run(keygen, check=True)
    public = key.with_suffix(".pub").read_text().strip()
    with (demo.home / "platform" / "platform.yaml").open("a") as settings:
        settings.write(f"\nsigning:\n  ssh_key: {key}\n  public_keys: [{public}]\n")


def main() -> int:
    """The whole demo."""
    with local_sshd(os.environ) as sshd:
        steps = SshDemo(sshd)
        order: tuple[Callable[[Demo], None], ...] = (
            steps.declared,
            steps.host,
            steps.logged_in,
            steps.refused,
            steps.revoked,
            steps.looked_back,
        )
        opening = f"The actor {ACTOR}, from the inventory to its revocation."
        return play(opening, order, "The actor is declared, applied, logged in, refused, revoked.")


if __name__ == "__main__":
    sys.exit(main())
