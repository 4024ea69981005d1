"""What must hold of a reader that is not a pod: (key, clause, whether it is a warning), one for each broken rule.

The traps are those of OpenBao's roles: a ``*`` that is taken as written where a pattern was meant, or as a pattern
where a name was meant; a job of a pull request that has the branch it is for; an owner that anybody can be.
"""

import ipaddress
import re
from collections.abc import Iterator

from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    CiReader,
    GithubReader,
    MachineReader,
    Seconds,
)

Broken = tuple[str, str, bool]

LONG_SECRET_ID = Seconds(90 * 86400)
"""A SecretID that may live longer is a standing secret (a warning)."""

_GITHUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._*-]+", re.ASCII)
_GITLAB = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_.*][A-Za-z0-9._*-]*)+", re.ASCII)
_STARTED_BY = re.compile(r"[a-z_]+", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
FROM_OUTSIDE = ("pull_request", "pull_request_target", "merge_request_event", "external_pull_request_event")
"""What starts a job for a change that somebody else proposed."""


def of_machine(reader: MachineReader) -> Iterator[Broken]:
    """Everything that is wrong with the reader by itself, but for the names of its role and its mount."""
    if isinstance(reader, AppRoleReader):
        yield from _of_approle(reader)
    elif isinstance(reader, CertificateReader):
        yield from _of_certificate(reader)
    else:
        yield from _of_ci(reader)


def _of_ci(reader: CiReader) -> Iterator[Broken]:
    github = isinstance(reader, GithubReader)
    kind, whole = ("github", reader.github) if isinstance(reader, GithubReader) else ("gitlab", reader.gitlab)
    if not (_GITHUB if github else _GITLAB).fullmatch(whole):
        shape = "a repository; write owner/name" if github else "a project; write group/name"
        yield kind, f"is not {shape}, with no * before the first slash: anybody can choose that name", False
    yield from _of_where(reader)
    yield from _of_patterns(reader, {kind: whole, "branch": reader.branch, "tag": reader.tag})
    yield from _of_patterns(reader, {"environment": reader.environment})
    named = reader.repository_id if isinstance(reader, GithubReader) else reader.project_id
    if named is not None and not _DIGITS.fullmatch(named):
        yield "repository_id" if github else "project_id", "is not an id; it has digits only", False
    yield from _of_events(
        "events" if github else "sources", reader.events if isinstance(reader, GithubReader) else reader.sources
    )


def _of_where(reader: CiReader) -> Iterator[Broken]:
    if reader.branch and reader.tag:
        yield "tag", "cannot stand beside branch; a job is of one of them", False
    if not (reader.branch or reader.tag or reader.environment):
        yield "", "needs branch, tag or environment; without one every branch could read it", False
    for key, text in (("branch", reader.branch), ("tag", reader.tag)):
        if text and text.startswith("refs/"):
            yield key, f"is the name of a ref; write the {key} alone, such as main or v1.2.0", False


def _of_patterns(reader: CiReader | CertificateReader, texts: dict[str, str | None]) -> Iterator[Broken]:
    for key, text in texts.items():
        if not text or "*" not in text:
            continue
        if reader.match == "exact":
            yield key, "has a *, and names are matched exactly; write the whole name, or match: glob", False
        else:
            yield key, f"is a pattern: whatever fits {text} can read", True


def _of_events(key: str, names: tuple[str, ...]) -> Iterator[Broken]:
    if not names:
        yield key, "is empty; name what may start the job", False
    for index, name in enumerate(names):
        if not _STARTED_BY.fullmatch(name):
            yield f"{key}[{index}]", "is not the name of an event; allowed: a-z and _", False
        elif name in FROM_OUTSIDE:
            yield f"{key}[{index}]", "lets jobs read it that run for a change which somebody else proposed", True


def _of_approle(reader: AppRoleReader) -> Iterator[Broken]:
    for index, text in enumerate(reader.cidrs):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            yield f"cidrs[{index}]", "is not a network; write 10.1.0.0/16 or 10.1.2.3/32", False
    if reader.secret_id_ttl > LONG_SECRET_ID:
        yield "secret_id_ttl", f"is over {LONG_SECRET_ID // 86400} days: such a SecretID is a standing secret", True


def _of_certificate(reader: CertificateReader) -> Iterator[Broken]:
    if not _PRINTABLE.fullmatch(reader.certificate):
        yield "certificate", "is not a name; write backup.example.com or spiffe://example.com/backup", False
    yield from _of_patterns(reader, {"certificate": reader.certificate})
    if reader.ca.startswith("/") or ".." in reader.ca.split("/"):
        yield "ca", "is not in the platform directory; write a path from there, such as certificates/clients.pem", False
