"""People who log in to OpenBao with a browser: as whom, how, and what a failed login means."""
