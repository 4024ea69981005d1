"""Find secret material in a text, and redact it.

Two sources, merged: the key formats that Kingfisher knows (`known_formats`), and a few patterns of our own plus a test
for random strings (`patterns`, `randomness`) for what it leaves out. What is found, and what must not be, is listed in
tests/samples.toml; why both are needed is in docs/adr/0028.
"""

from secret_scan.scanner import REDACTED, Finding, redact, scan

__all__ = ["REDACTED", "Finding", "redact", "scan"]
