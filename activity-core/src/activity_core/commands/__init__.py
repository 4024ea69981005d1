"""The commands, one a module; cli.py imports the one that is run."""
