"""How a value is replaced: what a provider says of its keys, and the steps of a rotation as data."""
