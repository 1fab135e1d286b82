"""Configuration in files: reading, checking, planning, applying and writing it (docs/configuration.md)."""
