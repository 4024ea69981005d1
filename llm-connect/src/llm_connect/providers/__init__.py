"""One port, and one module for each kind of provider; `registry` lists them."""
