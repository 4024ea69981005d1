"""This machine: locks, directories, checks."""
