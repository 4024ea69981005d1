"""How a value is kept, in words: one function for each kind of detail."""

from collections.abc import Callable
from typing import Any

from warden.core.proofs import approval_details, details
from warden.present.problems import described
from warden.present.value_doubts import doubts_of


def _right_missing(detail: details.RightMissing) -> str:
    return (
        f"needs {' and '.join(detail.capabilities)} on {detail.path}: {described(detail.because.problem).rstrip('.')}"
    )


def _expiring(detail: details.Expiring) -> str:
    whose = "in its mount" if detail.of == "mount" else "of the path"
    live = f"the live version deletes itself at {detail.at}" if detail.at else ""
    later = f"new versions {whose} delete themselves after {detail.after} s" if detail.after else ""
    return "; ".join(filter(None, (live, later)))


def _too_few_versions(detail: details.TooFewVersions) -> str:
    return f"{detail.kept} version is kept: the value in use is gone when the next one is written"


def _devices_in_clear(detail: details.DevicesInClear) -> str:
    devices = ", ".join(detail.devices)
    return (
        f"log_raw is set for {devices}: values and tokens are logged in clear; no probe was sent and nothing refreshed"
    )


def _fields_in_clear(detail: details.FieldsInClear) -> str:
    read = f"{', '.join(detail.read)} on each read" if detail.read else ""
    written = f"{', '.join(detail.written)} on each write" if detail.written else ""
    clear = " and ".join(filter(None, (read, written)))
    return f"by the mount's tuning the audit log shows in clear {clear}; nothing was refreshed"


def _header_not_registered(detail: details.HeaderNotRegistered) -> str:
    return (
        f"{detail.header} is not registered, so no audit line could be found; no probe was sent and nothing refreshed"
    )


def _value_in_metadata(detail: details.ValueInMetadata) -> str:
    named = f"in clear in {', '.join(detail.keys)}" if detail.keys else ""
    unnamed = f"{detail.unnamed} of its keys {'is or holds' if detail.unnamed == 1 else 'are or hold'} a value"
    return (
        f"{'; '.join(filter(None, (named, unnamed if detail.unnamed else '')))}; whoever may read the metadata sees it"
    )


def _not_compared(detail: details.NotCompared) -> str:
    texts = "1 other text was" if detail.count == 1 else f"{detail.count} other texts were"
    return f"{texts} not compared with the value, which was not read in this run"


def _values_doubtful(detail: details.ValuesDoubtful) -> str:
    return ". ".join(f"{each.field}: {doubts_of(each.doubts)}" for each in detail.fields)


def _accepted_as_is(detail: details.AcceptedAsIs) -> str:
    return f"{', '.join(detail.fields)} put with --as-is; journal {detail.record}"


def _unwrapped(detail: approval_details.Unwrapped) -> str:
    return f"no data came, and unwrapping it was answered {detail.status}"


def _self_approval(detail: approval_details.SelfApproval) -> str:
    return f"OpenBao answered {detail.status}{f': {detail.reply}' if detail.reply else ', and counted nothing'}"


def _nothing_withheld(_: approval_details.NothingWithheld) -> str:
    return "not tried: no request was there, or OpenBao did not say how it stands; not counted as a denial"


def _not_ended(_: approval_details.NotEnded) -> str:
    return "the request of this proof could not be ended; it ends with its time"


DESCRIPTIONS: dict[type, Callable[[Any], str]] = {
    details.RightMissing: _right_missing,
    details.Expiring: _expiring,
    details.TooFewVersions: _too_few_versions,
    details.DevicesInClear: _devices_in_clear,
    details.FieldsInClear: _fields_in_clear,
    details.HeaderNotRegistered: _header_not_registered,
    details.ValueInMetadata: _value_in_metadata,
    details.NotCompared: _not_compared,
    details.ValuesDoubtful: _values_doubtful,
    details.AcceptedAsIs: _accepted_as_is,
    approval_details.Unwrapped: _unwrapped,
    approval_details.SelfApproval: _self_approval,
    approval_details.NothingWithheld: _nothing_withheld,
    approval_details.NotEnded: _not_ended,
}
