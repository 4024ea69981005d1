"""Typed results as text for a terminal, or JSON: the only package that makes sentences and command lines."""
