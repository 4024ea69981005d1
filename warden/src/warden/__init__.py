"""Credential lanes you can prove: declare, apply, use and prove the way of one credential."""
