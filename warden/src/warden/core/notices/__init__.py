"""Notices: what is told to people and to the State Hub, and what is still to be told."""
