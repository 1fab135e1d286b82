"""The site's own checkups, in the order in which they help: what all else stands on first."""

from __future__ import annotations

from acteon_site.base.findings import Checkup
from acteon_site.watching.checkups import configuration, keys, services

OWN = (
    Checkup("settings", configuration.settings_are_safe, needs_database=False),
    Checkup("doors", configuration.doors, needs_database=False),
    Checkup("hosts", configuration.hosts, needs_database=False),
    Checkup("proxies", configuration.proxies, needs_database=False),
    Checkup("database", services.database, needs_database=False),
    Checkup("broker", services.broker, needs_database=False),
    Checkup("disks", services.disks, needs_database=False),
    Checkup("migrations", services.migrations),
    Checkup("connections", services.connections),
    Checkup("clocks", services.clocks),
    Checkup("replica", services.replica),
    Checkup("workers", services.workers),
    Checkup("secrets", keys.rotation),
    Checkup("API keys", keys.api_keys),
    Checkup("people", keys.people),
    Checkup("backup", services.backup),
)
