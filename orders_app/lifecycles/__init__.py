"""Lifecycles as data: states, transitions, timeouts, and the payload fields that rules may trust. Pure."""
