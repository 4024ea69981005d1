"""Who may have a value, and what the others are told."""
