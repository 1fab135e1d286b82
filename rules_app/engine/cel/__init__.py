"""Conditions in CEL, the Common Expression Language: read into what YAML would say, or refused with the place."""
