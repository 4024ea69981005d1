"""Which entry of the catalog answers a need, and how sure that is."""
