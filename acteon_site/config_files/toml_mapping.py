"""From the guide's TOML keys to the same entries that YAML files hold.

Each kind maps the tables that it owns (`Kind.map_toml`). What the reference keeps in this file and we keep
elsewhere is warned about; anything else unknown is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from acteon_site.config_files.documents import Document
from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.problems import did_you_mean
from acteon_site.config_files.toml_tables import Elsewhere, TomlTables

# Tables of the reference's server, which no kind of configuration owns.
SERVER: Elsewhere = {
    ("server", "approval_secret"): (
        "was not read: approval keys belong into the environment, as APPROVAL_KEYS=<kid>=<secret>"
    ),
    ("server",): "is not read: the address is an option of `manage.py serve`",
    ("state",): "is not read: DATABASE_URL names the database",
    ("executor",): "is not read: retries belong to a chain's step (`retry`), time limits to a provider",
    ("background",): "is not read: worker and scheduler always do these jobs",
}


def map_toml(document: Document) -> TomlTables:
    toml = TomlTables(document, dict(document.data))
    _warn_elsewhere(toml)
    for kind in KINDS.values():
        kind.map_toml(toml)
    return toml


def tables() -> set[str]:
    """The top-level tables that are read, or warned about."""
    owned = {kind.toml_table or kind.section for kind in KINDS.values()}
    return owned | {place[0] for place in _elsewhere()}


def _elsewhere() -> Elsewhere:
    found = dict(SERVER)
    for kind in KINDS.values():
        found |= kind.toml_elsewhere
    return found


def _warn_elsewhere(toml: TomlTables) -> None:
    for place, message in _elsewhere().items():
        table = toml.data.get(place[0])
        if isinstance(table, Mapping) and (len(place) == 1 or place[1] in table):
            toml.warn(place, message)
    known = tables()
    for name in toml.data:
        if name not in known:
            toml.refuse((name,), f"unknown table{did_you_mean(name, known)}")
