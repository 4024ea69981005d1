"""Who can reach what on an OpenBao, decided here from what was read of it once."""
