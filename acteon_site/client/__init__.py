"""A small HTTP client of the gateway, and the work of `manage.py pipeline …` on it. Needs no Django."""
