"""Structured output: the schema is checked before a call, the answer is validated after it. Nothing is repaired.

validation    one schema, one text: valid, or why not
schema_cost   whether validating by a schema can take long
worker        a separate process for such schemas, which can be killed
schemas       the entry point: checks and caches schemas, and picks the cheapest safe way
"""
