"""Keys that sign: OpenBao's transit engine, or an SSH key; and what their signatures are checked with."""
