"""Change requests: what is asked for, who decided about it, and whether that allows a plan to be applied."""
