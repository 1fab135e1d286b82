"""What a run does at each kind of step: one file per kind, alike inside; `registry.py` lists them."""
