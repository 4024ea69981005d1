"""Evidence that leaves the house: signed statements about lanes, checked with a public key alone."""
