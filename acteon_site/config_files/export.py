"""Writing the configuration in force as files that load_paths reads back as the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from acteon_site.base.errors import conflict
from acteon_site.config_files.kind import KINDS, Kind
from acteon_site.config_files.reading import TOML, YAML, suffix_of
from acteon_site.config_files.secrets import variables_in
from acteon_site.config_files.yaml_writer import write_yaml

HEADER = """\
# {sections}, as in force when `manage.py export_pipeline` wrote this.
# `manage.py load_pipeline DIR` reads it back; docs/configuration.md describes every key.
"""
SECRETS_NOTE = (
    "# Secrets are never written out: ${NAME} is filled in from the environment when this is loaded.\n"
)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many of what each file holds, and the environment variables that loading them will need."""

    files: dict[str, dict[str, int]] = field(default_factory=dict)
    variables: tuple[str, ...] = ()


def export_to(directory: Path, *, source: str | None = None, overwrite: bool = False) -> ExportReport:
    """Write everything (or what belongs to one source) into a directory, which is made where it is missing.

    Raises 409 where it holds configuration already and `overwrite` is not given, or holds other configuration
    that would be loaded with it. OSError where it cannot be written.
    """
    _refuse_mixture(directory, overwrite)
    contents = _contents(source)
    directory.mkdir(parents=True, exist_ok=True)
    for name in files():
        if name in contents:
            _replace(directory / name, _page(contents[name]))
        else:
            (directory / name).unlink(missing_ok=True)
    found = {
        name: {section: _size(value) for section, value in data.items()} for name, data in contents.items()
    }
    return ExportReport(found, tuple(sorted(variables_in(list(contents.values())))))


def files() -> dict[str, tuple[str, ...]]:
    """The files of an export, and the sections that each holds."""
    found: dict[str, tuple[str, ...]] = {}
    for section, kind in KINDS.items():
        found[kind.file] = (*found.get(kind.file, ()), section)
    return found


def _refuse_mixture(directory: Path, overwrite: bool) -> None:
    present = sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if suffix_of(path) in (*YAML, *TOML)
    )
    others = [name for name in present if name not in files()]
    if others:
        raise conflict(
            f"{directory} holds other configuration ({', '.join(others[:5])}); name an empty directory"
        )
    if present and not overwrite:
        raise conflict(f"{directory} holds an export already; --force overwrites it")


@transaction.atomic
def _contents(source: str | None) -> dict[str, dict[str, Any]]:
    """Per file its sections, those without a row left out."""
    found = {
        name: {section: value for section in sections if (value := _section(KINDS[section], source))}
        for name, sections in files().items()
    }
    return {name: sections for name, sections in found.items() if sections}


def _section(kind: Kind, source: str | None) -> Any:
    rows = kind.rows() if source is None else kind.rows().filter(source=source)
    return kind.gather([kind.exported(row) for row in rows.order_by(*kind.listing)])


def _page(sections: Mapping[str, Any]) -> str:
    titles = " and ".join(section.replace("_", " ") for section in sections)
    note = SECRETS_NOTE if variables_in(sections) else ""
    return HEADER.format(sections=titles.capitalize()) + note + "\n" + write_yaml(sections)


def _replace(path: Path, text: str) -> None:
    """Readers see the old file or the whole new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".export-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _size(value: Any) -> int:
    return sum(_names(value)) if isinstance(value, list) else next(_names([value]))


def _names(groups: list[Any]) -> Iterator[int]:
    """A redaction group counts its fields, anything else is one."""
    for group in groups:
        yield len(group["fields"]) if isinstance(group.get("fields"), list) else 1
