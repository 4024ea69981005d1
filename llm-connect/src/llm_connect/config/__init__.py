"""What the operator declares: the configuration file and the environment, checked once at start."""
