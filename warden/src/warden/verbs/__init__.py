"""One file a verb; ports come in as arguments."""
