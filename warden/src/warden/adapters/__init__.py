"""The ports made real: files, OpenBao, audit, journal, process, policy."""
