"""Structured output: the schema is checked before a call, the answer is validated after it. Nothing is repaired.

Both come from strangers, so neither is compiled nor matched in the gateway's own process (docs/adr/0038).

schemas       the entry point: remembers which schemas are valid
workers       a few processes, shared among callers; one that exceeds its limits is killed
worker        what such a process does
validation    one schema, one text: valid, or why not
"""
