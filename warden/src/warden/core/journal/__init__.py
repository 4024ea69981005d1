"""Records, what they add up to, and the hash chain."""
