"""Loaded first: pytest names test modules after their folders; `warden/tests` must not hide the package `warden`."""

import warden  # noqa: F401
