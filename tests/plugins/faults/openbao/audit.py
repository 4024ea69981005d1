"""What the audit log would have in clear, and what it would lack."""

from faults import Fault
from faults.openbao.kit import must

HEADER = "sys/config/auditing/request-headers/X-Lane-Probe"


def tuned(**fields):
    return lambda bench: must(bench, "POST", "sys/mounts/platform/tune", **fields)


def header_removed(bench):
    must(bench, "DELETE", HEADER)


def header_hashed(bench):
    must(bench, "POST", HEADER, hmac=True)


FAULTS = [
    Fault(
        "audit",
        "values that are read are in clear",
        tuned(audit_non_hmac_response_keys=["API_KEY"]),
        "response-in-clear",
    ),
    Fault(
        "audit",
        "values that are written are in clear",
        tuned(audit_non_hmac_request_keys=["API_KEY"]),
        "response-in-clear",
    ),
    Fault("audit", "the probes' header is not registered", header_removed, "probe-header"),
    Fault("audit", "the probes' header is hashed", header_hashed, "probe-header"),
]
