"""The LLM gateway of this repository. docs/architecture.md says which package does what."""

__version__ = "0.1.0"
