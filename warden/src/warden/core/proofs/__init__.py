"""Probes, observations, verdicts."""
