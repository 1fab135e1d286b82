"""What a definition says of each kind of step: one file per kind, alike inside; `registry.py` lists them."""
