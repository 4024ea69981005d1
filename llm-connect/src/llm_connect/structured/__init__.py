"""Structured output: the schema is checked before a call, the answer is held against it after; nothing is repaired.

judgement   one schema, one text: valid or why not; by jsonschema-rs (docs/adr/0017), nothing is ever fetched
cost        whether judging by a schema can take long
worker      a process of its own for those schemas, which can be ended when it does
schemas     the way in: checked schemas, kept, and the judgement by the cheapest way that is safe
"""
