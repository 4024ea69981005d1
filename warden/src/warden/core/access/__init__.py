"""Who may have a lane's value, how others get it, and whether a value is complete."""
