"""Records and the hash chain."""
