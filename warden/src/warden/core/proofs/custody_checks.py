"""How a value is kept -> Verdicts: what is looked at before a probe is sent or a refresh is requested.

Nothing here is a question after a value. What was found in clear keeps values and tokens from being sent through it
(`holds_back`); what may not be looked at is inconclusive, with the right that it takes.
"""

from collections.abc import Iterator

import msgspec

from warden.core.lanes.lane import Lane
from warden.core.openbao.api import AuditDevice, KvConfig, KvMetadata, Mount
from warden.core.openbao.refill import put_values
from warden.core.proofs.details import (
    DevicesInClear,
    Expiring,
    FieldsInClear,
    HeaderNotRegistered,
    RightMissing,
    SettingsChecked,
    TooFewVersions,
)
from warden.core.proofs.probes import HEADER
from warden.core.proofs.verdict import CustodyProbe, Detail, Observation, Verdict
from warden.core.quoting import name
from warden.core.remedies import Remedy, ReplaceDevices, RunBao, RunProgram
from warden.core.unobserved import Unobserved

FEWEST_VERSIONS = 2
"""While a new value is rolled out the one in use has to be there still: it is what a failed rotation goes back to."""

KEPT_BY_DEFAULT = 10
"""Versions that KV v2 keeps where neither path nor mount says how many (OpenBao, ``defaultMaxVersions``)."""

DEVICES, HEADERS = "sys/audit", "sys/config/auditing/request-headers"

SILENCING = frozenset({"log-raw", "probe-header"})
"""With one of them wrong no probe is sent: its token would be logged in clear, or its line never be found."""

WITHHOLDING = SILENCING | {"response-in-clear"}
"""With one of them wrong no value is fetched: the read would be logged in clear, or its line never be found."""


class CustodyObservation(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of the path, its mount and the audit devices; `Unobserved` where the caller may not look."""

    metadata: KvMetadata | None
    mount: Mount | None
    config: KvConfig | Unobserved
    devices: tuple[AuditDevice, ...] | Unobserved
    headers: frozenset[str] | Unobserved


def judge_custody(lane: Lane, seen: CustodyObservation) -> tuple[Verdict, ...]:
    """Each setting that is wrong or unknown, and one verdict on all that are as they should be."""
    checks = (_versions_kept(lane, seen), _expiring(lane, seen), _raw(lane, seen), _tuned(lane, seen), _header(seen))
    found = [each for each in checks if each is not None]
    fine = len(checks) - len(found)
    if not fine:
        return tuple(found)
    checked = Verdict(probe="custody", result="ok", observed="as-declared", detail=SettingsChecked(fine))
    return (*found, checked)


def is_silenced(verdicts: tuple[Verdict, ...]) -> bool:
    """Whether no probe may be sent."""
    return any(each.probe in SILENCING and each.result == "wrong" for each in verdicts)


def is_withheld(verdicts: tuple[Verdict, ...]) -> bool:
    """Whether no value may be fetched: no refresh is requested, and nobody inspects."""
    return any(each.probe in WITHHOLDING and each.result == "wrong" for each in verdicts)


def header_seen(verdicts: tuple[Verdict, ...], *, lines_found: bool) -> Iterator[Verdict]:
    """The verdicts once the audit log was read: a line with a nonce shows that the header is registered."""
    for each in verdicts:
        if each.probe != "probe-header" or each.result != "inconclusive" or not lines_found:
            yield each


def _wrong(probe: CustodyProbe, observed: Observation, detail: Detail, *remedy: Remedy) -> Verdict:
    steps = tuple(step for each in remedy for step in each)
    return Verdict(probe=probe, result="wrong", observed=observed, detail=detail, remedy=steps)


def _unknown(probe: CustodyProbe, path: str, because: Unobserved, *capabilities: str) -> Verdict:
    detail = RightMissing(path, capabilities, because)
    return Verdict(probe=probe, result="inconclusive", observed="not-seen", detail=detail)


def _versions_kept(lane: Lane, seen: CustodyObservation) -> Verdict | None:
    """The larger of what path and mount say counts (OpenBao, `KeyMetadata.AddVersion`)."""
    own = seen.metadata.max_versions if seen.metadata else 0
    if own >= FEWEST_VERSIONS:
        return None
    if isinstance(seen.config, Unobserved):
        return _unknown("max-versions", f"{lane.custody.mount}/config", seen.config, "read")
    kept = max(own, seen.config.max_versions) or KEPT_BY_DEFAULT
    if kept >= FEWEST_VERSIONS:
        return None
    mount, path = lane.custody.mount, lane.custody.key
    of_path = (RunBao(action="keep-more-versions", mount=mount, path=path),) if own else ()
    of_mount = (RunBao(action="keep-more-versions-on-mount", mount=mount),) if seen.config.max_versions else ()
    return _wrong("max-versions", "differs", TooFewVersions(kept), of_path, of_mount)


def _expiring(lane: Lane, seen: CustodyObservation) -> Verdict | None:
    """A version's end is fixed when it is written, by the shorter of what path and mount say (OpenBao, `deletionTime`).

    PATCH does not take the path's setting back (measured, OpenBao 2.7.2): the command writes it anew.
    """
    metadata, mount = seen.metadata, lane.custody.mount
    at = metadata.expires.isoformat() if metadata and metadata.expires else ""
    own = metadata.delete_after if metadata else 0
    if isinstance(seen.config, Unobserved):
        if not at and not own:
            return _unknown("expiring-version", f"{mount}/config", seen.config, "read")
        of_mount = 0
    else:
        of_mount = seen.config.delete_after
    if not at and not own and not of_mount:
        return None
    detail = Expiring(at=at, after=own or of_mount, of="path" if own or not of_mount else "mount")
    return _wrong(
        "expiring-version",
        "expires",
        detail,
        (RunBao(action="keep-versions", mount=mount, path=lane.custody.key),) if own else (),
        (RunBao(action="keep-versions-on-mount", mount=mount),) if of_mount else (),
        (put_values(lane),) if at else (),
    )


def _raw(lane: Lane, seen: CustodyObservation) -> Verdict | None:
    if isinstance(seen.devices, Unobserved):
        return _unknown("log-raw", DEVICES, seen.devices, "read", "sudo")
    raw = tuple(name(each.name) for each in seen.devices if each.raw)
    if not raw:
        return None
    reload = RunProgram(("pkill", "-HUP", "-x", "bao"))
    return _wrong("log-raw", "in-clear", DevicesInClear(raw), (ReplaceDevices(raw), reload), (put_values(lane),))


def _tuned(lane: Lane, seen: CustodyObservation) -> Verdict | None:
    """Only the innermost key of a text counts, which is the field's name (measured, OpenBao 2.7.2)."""
    fields, mount = lane.custody.fields, seen.mount
    read = tuple(each for each in fields if mount and each in mount.responses_in_clear)
    written = tuple(each for each in fields if mount and each in mount.requests_in_clear)
    if not read and not written:
        return None
    tune = (RunBao(action="tune-mount", mount=lane.custody.mount),)
    return _wrong("response-in-clear", "in-clear", FieldsInClear(read, written), tune, (put_values(lane),))


def _header(seen: CustodyObservation) -> Verdict | None:
    if isinstance(seen.headers, Unobserved):
        return _unknown("probe-header", HEADERS, seen.headers, "read", "sudo")
    if HEADER.lower() in seen.headers:
        return None
    register = RunBao(action="register-header", name=HEADER)
    return _wrong("probe-header", "none", HeaderNotRegistered(HEADER), (register,))
