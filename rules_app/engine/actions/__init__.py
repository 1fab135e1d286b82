"""What rules do when they match: one file per action, alike inside; `registry.py` lists them."""
