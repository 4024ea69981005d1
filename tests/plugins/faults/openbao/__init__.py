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

WAITING: frozenset[str] = frozenset()
"""Verdicts that `prove` does not give yet; the faults that they are to catch are planted, and expected to be missed."""
