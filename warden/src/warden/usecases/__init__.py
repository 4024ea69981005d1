"""One file for each command, a whole lane at a time; ports come in as arguments."""
