"""Faults that need nothing but an OpenBao; and what looks like one and opens nothing (`HARMLESS`)."""

from faults.openbao import grants, harmless, identities, logins, policies, reader, tokens, value

FAULTS = [
    *policies.FAULTS,
    *logins.FAULTS,
    *identities.FAULTS,
    *tokens.FAULTS,
    *grants.FAULTS,
    *reader.FAULTS,
    *value.FAULTS,
]
HARMLESS = harmless.HARMLESS

WAITING = frozenset(
    ["nobody-else", "value-form", "expiring-version", "max-versions", "value-in-metadata", "policy-expires", "metadata"]
)
"""Verdicts that `prove` does not give yet; the faults that they are to catch are planted, and expected to be missed."""
