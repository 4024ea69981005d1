"""One file a verb, a whole lane at a time; ports come in as arguments."""
