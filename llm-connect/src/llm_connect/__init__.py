"""The LLM gateway whose key arrives by a lane."""
