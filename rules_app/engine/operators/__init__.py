"""The operators of conditions: one file per family, alike inside; `registry.py` lists them."""
