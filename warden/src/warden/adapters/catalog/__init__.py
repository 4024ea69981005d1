"""The platform directory's files."""
