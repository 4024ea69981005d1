"""One Plan, one Change, one Receipt for every kind of target."""
