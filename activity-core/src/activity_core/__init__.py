"""The daily triage that calls llm-connect."""
