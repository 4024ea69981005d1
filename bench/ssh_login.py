"""What `Match exec warden ssh ensure` adds to a whole ``ssh HOST true``: wall time, interleaved, medians.

Client, agent and sshd are real, and the certificate is ready in each row: it is issued once.

    .venv/bin/python bench/ssh_login.py [ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from warden.adapters.ssh.local_sshd import LocalSshd, local_sshd

AIM = 1.3
BIN = Path(sys.executable).parent
INVENTORY = """\
authorities:
  users: {{key: {ca}}}
  break_glass: {{key: {ca}}}
actors:
  adm-bench: {{principals: [ops], hosts: [bench], identities: [{{workload: bench/api}}]}}
hosts:
  bench: {{}}
"""
HOST = """
Host bench
  HostName 127.0.0.1
  Port {port}
  User {account}
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
"""


def run(argv: Sequence[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: {done.stderr}")
    return done.stdout


def seconds(argv: Sequence[str], env: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - start


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    socket = folder / "agent"
    server = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        yield str(socket)
    finally:
        server.terminate()
        server.wait()


def environment(folder: Path, socket: str) -> dict[str, str]:
    """A platform with an actor and a CA in a file; somebody at a desk who has had a certificate issued."""
    ca, platform = folder / "ca", folder / "platform"
    (platform / "catalog").mkdir(parents=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ca)], os.environ)
    (platform / "inventory.yaml").write_text(INVENTORY.format(ca=ca))
    (platform / "platform.yaml").write_text("may_administer: [auth/userpass/users/admin]\n")
    env = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "WARDEN_PLATFORM": str(platform),
        "SSH_AUTH_SOCK": socket,
    }
    run(["warden", "issue", "adm-bench", "--break-glass", "--reason", "bench"], env)
    return env


def commands(folder: Path, sshd: LocalSshd, env: Mapping[str, str]) -> dict[str, list[str]]:
    """The same login with a configuration of each kind."""
    block = run(["warden", "ssh", "config", "adm-bench"], env)
    ready = "\n".join(line for line in block.splitlines() if "CertificateFile" in line)
    host = HOST.format(port=sshd.port, account=sshd.account, folder=sshd.folder)
    python = f'Match originalhost bench exec "{sys.executable} -c pass"\n{ready}\n'
    texts = {"ready": f"{host}{ready}\n", "warden": f"{block}\n{host}", "python": f"{python}{host}"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {name: ["ssh", "-F", str(folder / name), "bench", "true"] for name in texts}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as name, local_sshd(os.environ, name) as sshd, agent(Path(name)) as socket:
        folder = Path(name)
        env = environment(folder, socket)
        sshd.trust((folder / "ca.pub").read_text().strip())
        sshd.authorize("ops")
        by_name = commands(folder, sshd, env)
        rows = {
            "`ssh`, with a ready certificate": by_name["ready"],
            "`ssh`, `Match exec warden ssh ensure`": by_name["warden"],
            "`ssh`, `Match exec python -c pass`": by_name["python"],
            "`warden ssh ensure` alone": ["warden", "ssh", "ensure", "adm-bench"],
            "`python -c pass` alone": [sys.executable, "-c", "pass"],
        }
        taken: dict[str, list[float]] = {row: [] for row in rows}
        for argv in rows.values():
            seconds(argv, env)
        for _ in range(rounds):
            for row, argv in rows.items():
                taken[row].append(seconds(argv, env))
    middle = {row: statistics.median(each) for row, each in taken.items()}
    base = next(iter(middle.values()))
    print("| command | median | ratio |\n|---|---|---|")
    print("\n".join(f"| {row} | {each * 1000:.0f} ms | {each / base:.2f} |" for row, each in middle.items()))
    print(f"\nAim of a login with warden: at most {AIM} of one with a ready certificate. {rounds} rounds, interleaved.")


if __name__ == "__main__":
    main()
