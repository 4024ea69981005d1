"""What several commands do on the way: each is one step, or what a step returns."""
