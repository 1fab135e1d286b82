"""The description of this app's views, one file per group; importing it decorates them."""

from chains_app.api.schema import definitions, incidents, providers, runs, timeline

__all__ = ["definitions", "incidents", "providers", "runs", "timeline"]
