"""The command line: dispatch, wiring, and the one file that prints."""
