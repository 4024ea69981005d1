"""Have the programs of a cluster and a policy server, with progress: what ``make test-cluster`` does first."""

import os
import sys

from openfga_server import OPENFGA

from warden.adapters.dev import build
from warden.core.errors import WardenError
from warden.present import errors


def main() -> int:
    """Build what is not there; 1 and what to do where that cannot be."""
    last = 0.0

    def tick(what: str, seconds: float) -> None:
        nonlocal last
        if seconds // 30 != last // 30:
            sys.stderr.write(f"  {what}, {seconds:.0f} s\n")
        last = seconds

    theirs = os.environ.get("WARDEN_TEST_KUBECONFIG")
    try:
        build.programs(
            lambda text: print(text, flush=True),
            tick,
            (build.OPERATOR, OPENFGA) if theirs else (build.CONTROL_PLANE, build.OPERATOR, OPENFGA),
        )
    except WardenError as fault:
        sys.stderr.write(f"{errors.message(fault)}\n  {errors.hint(fault)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
