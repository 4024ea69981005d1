"""Provider keys: where they are read, which one is in force, and how it is replaced."""
