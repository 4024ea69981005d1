"""Loaded first: pytest names test modules after their folders; `warden/tests` must not hide the package `warden`.

A shell starts its background jobs with Ctrl-C ignored, and children inherit that: the tests that press it need it back.
"""

import signal

import warden  # noqa: F401

pytest_plugins = ["cluster_platform", "cluster_engineer"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
