"""Jinja that cannot be made to work without end: every loop, call, filter and text is counted. Pure.

`budget` counts, `environment` compiles templates so that they ask it, `filters` and `texts` are the functions that
templates may call. What could build something large from something small is done here by hand, or is not there.
"""
