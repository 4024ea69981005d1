"""Where notices go: a command, a webhook, the State Hub."""
