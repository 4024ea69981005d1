"""The state of a lane and what comes next."""
