"""A TOML file's tables, and what the kinds that own them make of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.config_files.documents import Document, Entry, Place
from acteon_site.config_files.problems import FileProblem, did_you_mean

# Place of a key of the reference's files -> where the thing is said here instead.
Elsewhere = Mapping[tuple[str, ...], str]


@dataclass(slots=True)
class TomlTables:
    """`data` are the tables as read. `sections` are read like the YAML sections of the same name."""

    document: Document
    data: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    sections: dict[str, tuple[Any, Place]] = field(default_factory=dict)
    directories: list[tuple[str, Place]] = field(default_factory=list)
    problems: list[FileProblem] = field(default_factory=list)
    warnings: list[FileProblem] = field(default_factory=list)

    def refuse(self, at: Place, message: str) -> None:
        self.problems.append(self.document.problem(at, message))

    def warn(self, at: Place, message: str) -> None:
        self.warnings.append(self.document.problem(at, message))

    def table(
        self, value: Any, at: Place, known: Collection[str] | None = None, elsewhere: Elsewhere | None = None
    ) -> Mapping[str, Any]:
        """The table at a place; {} with a problem where it is none. With `known`, other keys are problems,
        except for those that have their place elsewhere.
        """
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.refuse(at, "must be a table")
            return {}
        for name in value:
            if known is not None and name not in known and (*at, name) not in (elsewhere or {}):
                self.refuse((*at, name), f"unknown key{did_you_mean(name, known)}")
        return value
