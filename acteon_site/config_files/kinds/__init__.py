"""The kinds of configuration that files hold: one file each, and this table.

A new one is a file beside these with a Kind, a line here in the order in which it is written (what others
refer to first), and its section in docs/configuration.md. tests/config_files/test_kinds.py walks the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from acteon_site.config_files.kinds.base import Kind
from acteon_site.config_files.kinds.chains import Chains
from acteon_site.config_files.kinds.circuit_breakers import CircuitBreakers
from acteon_site.config_files.kinds.lifecycles import Lifecycles
from acteon_site.config_files.kinds.profiles import Profiles
from acteon_site.config_files.kinds.providers import Providers
from acteon_site.config_files.kinds.quotas import Quotas
from acteon_site.config_files.kinds.redaction import Redaction
from acteon_site.config_files.kinds.retention import Retention
from acteon_site.config_files.kinds.rules import Rules
from acteon_site.config_files.kinds.settings import Settings
from acteon_site.config_files.kinds.templates import Templates

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "settings": Settings(),
        "redaction": Redaction(),
        "providers": Providers(),
        "circuit_breakers": CircuitBreakers(),
        "chains": Chains(),
        "lifecycles": Lifecycles(),
        "rules": Rules(),
        "quotas": Quotas(),
        "retention": Retention(),
        "templates": Templates(),
        "profiles": Profiles(),
    }
)

__all__ = ["KINDS", "Kind"]
