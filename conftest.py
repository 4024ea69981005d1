"""Loaded first: pytest names test modules after their folders; `warden/tests` must not hide the package `warden`.

A shell starts its background jobs with Ctrl-C ignored, and children inherit that: the tests that press it need it back.
"""

import os
import signal
from pathlib import Path

import warden  # noqa: F401

pytest_plugins = [
    *("cluster_platform", "cluster_engineer", "oidc_provider", "openfga_server", "postgres_server", "reaping"),
    "sshd_server",
]

# Compiling the rules of the secret scanner takes 4 s; every home directory of a test would do it again.
os.environ.setdefault("KF_RULE_CACHE_DIR", str(Path(__file__).parent / ".tools" / "secret-scan-rules"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
