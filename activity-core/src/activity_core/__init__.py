"""Daily triage: a ranked list of what to do, from a digest, through llm-connect."""
