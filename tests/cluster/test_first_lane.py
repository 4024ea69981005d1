"""The walk through a first lane of one's own prints what its page says, on a cluster of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from cluster_platform import OURS

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = "docs/first-cluster-lane.md"
TOOL = str(REPOSITORY / "tools" / "transcripts.py")


@OURS
@pytest.mark.cluster
@pytest.mark.real
def test_the_walk_prints_what_its_page_says():
    done = subprocess.run([sys.executable, TOOL, PAGE], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
