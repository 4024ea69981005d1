"""OpenBao over HTTP, its audit log, and the caller's own token."""
