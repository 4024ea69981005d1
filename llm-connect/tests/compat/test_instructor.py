"""instructor, unchanged, in an environment of its own: it wants an older jiter than the gateway has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / ".venv-instructor/bin/python"
FEWEST = 20


def test_its_cases_pass(gateway, counted, with_callers, tmp_path):
    """By themselves, away from this suite's conftest.py, which needs the gateway's own packages."""
    cases = shutil.copy(HERE / "instructor_cases/cases.py", tmp_path / "test_cases.py")
    url, upstream = counted
    declared, token = with_callers
    environment = {
        **os.environ, "GATEWAY_URL": gateway, "COUNTED_URL": url, "DECLARED_URL": declared, "CALLER_TOKEN": token,
    }  # fmt: skip
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", cases],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= FEWEST
    assert upstream.requests == 1 + 3  # see the cases about what is repeated
