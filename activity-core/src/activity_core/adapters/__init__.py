"""What triage needs of the world: HTTP, files, the record of runs."""
