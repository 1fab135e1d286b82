"""The kinds of findings: one file per family, each a function from the ground to findings; `registry.py` lists them."""
