"""An actor beside the lane of a `LaneWorld`: declared, with an auth role by hand, and a CA key in a file."""

from typing import TYPE_CHECKING, Any

from ssh_keys import write_key

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

INVENTORY = """\
authorities:
  users:
    key: {ca}
actors:
  {actor}:
    principals: [deploy]
    source_addresses: [127.0.0.0/8]
    hosts: [web]
    identities:
      - workload: {workload}
hosts:
  web: {{names: [web.example.com]}}
"""


class ActorWorld:
    """One actor whose one identity is the lane's reader; ``warden`` is run through `run`, as that workload."""

    def __init__(self, lane_world: Any) -> None:
        self.lane_world = lane_world
        self.server = lane_world.server
        self.folder: Path = lane_world.folder
        self.actor = f"agt-{lane_world.tenant}"
        self.role = f"ssh-{self.actor}"
        self.ca = write_key(self.folder / "ca")
        self.key = write_key(self.folder / "key")
        self.public_key = self.key.with_suffix(".pub")
        self.inventory = self.folder / "platform" / "inventory.yaml"
        self.declare(INVENTORY.format(ca=self.ca, actor=self.actor, workload=lane_world.reader))
        self._arrange()

    def declare(self, text: str) -> None:
        """Write the inventory."""
        self.inventory.write_text(text)

    def replace(self, old: str, new: str) -> None:
        """Change the inventory."""
        text = self.inventory.read_text()
        assert old in text
        self.declare(text.replace(old, new))

    def _arrange(self) -> None:
        """The role that ``warden apply`` makes for the identity."""
        namespace, account = self.lane_world.reader.split("/")
        role = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_subject": f"system:serviceaccount:{namespace}:{account}",
            "bound_audiences": ["openbao"],
            "token_policies": ["default"],
            "token_ttl": "15m",
        }
        self.server.must("POST", f"auth/kubernetes/role/{self.role}", role)

    def token(self) -> str:
        """A token of OpenBao's for the actor's identity."""
        found: str = self.lane_world.token(role=self.role)
        return found

    def run(self, *argv: str, stdin: str = "", **changed: str) -> "subprocess.CompletedProcess[str]":
        """``warden ARGV`` with the identity's token, unless `changed` names another."""
        token = changed.pop("BAO_TOKEN") if "BAO_TOKEN" in changed else self.token()
        done: subprocess.CompletedProcess[str] = self.lane_world.run(*argv, stdin=stdin, BAO_TOKEN=token, **changed)
        return done
