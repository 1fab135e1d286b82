"""YAML to copy from a page, as files of configuration spell it."""

from __future__ import annotations

from acteon_site.config_files.yaml_writer import write_yaml

__all__ = ["write_yaml"]
