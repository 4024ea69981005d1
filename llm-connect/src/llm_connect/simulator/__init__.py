"""An OpenRouter-shaped server for demo and tests: real HTTP, real failures, no model."""
