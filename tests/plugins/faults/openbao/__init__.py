"""Faults that need nothing but an OpenBao; and what looks like one and opens nothing (`HARMLESS`)."""

from faults.openbao import audit, grants, harmless, identities, logins, namespaces, policies, reader, tokens, value

FAULTS = [
    *policies.FAULTS,
    *logins.FAULTS,
    *identities.FAULTS,
    *tokens.FAULTS,
    *grants.FAULTS,
    *reader.FAULTS,
    *value.FAULTS,
    *audit.FAULTS,
]
NAMESPACED = namespaces.FAULTS
HARMLESS = harmless.HARMLESS
