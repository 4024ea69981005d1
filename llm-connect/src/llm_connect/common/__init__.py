"""What every other package may use: errors, secrets, logs, and reading JSON, files and fields."""
