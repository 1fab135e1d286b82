"""From paths to entries: which files a load reads, and what stands in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acteon_site.config_files.documents import Document, Entry, Flaw, Place, path_text
from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.problems import FileProblem, did_you_mean
from acteon_site.config_files.toml_mapping import map_toml
from acteon_site.config_files.toml_reader import read_toml
from acteon_site.config_files.yaml_reader import read_yaml

YAML, TOML = (".yaml", ".yml"), (".toml",)
MAX_BYTES = 1024 * 1024
MAX_FILES = 1000
OUTSIDE = "leads outside the rules directory"
# Top-level keys of files that lie in pipeline directories and are read by others.
READ_BY_OTHERS = {
    "sample_orders": "sample orders, read by `pipeline send-orders`",
    "rule_tests": "tests of rules, run by `test_rules`",
}


@dataclass(slots=True)
class Reading:
    """Everything that the files hold. `skipped` are files passed by, and why."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[FileProblem] = field(default_factory=list)
    warnings: list[FileProblem] = field(default_factory=list)
    skipped: list[FileProblem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)  # what READ_BY_OTHERS names, as it stands there
    whole: bool = False  # a directory or a TOML file was named: what is not in it is gone


def read_paths(paths: Sequence[Path], *, inside: Path | None = None) -> Reading:
    """Read files and directories. With `inside`, nothing outside it is read, and names are shown below it.

    Directories: every YAML file below them; TOML files only where the directory itself holds no YAML file,
    since a pipeline has either form. A TOML file named on its own is always read.
    """
    walk = _Walk(inside)
    for path in paths:
        walk.add(path)
    return walk.reading


class _Walk:
    def __init__(self, inside: Path | None) -> None:
        self.reading = Reading()
        self._inside = inside.resolve() if inside else None
        self._seen: set[Path] = set()

    def add(self, path: Path) -> None:
        if path.is_dir():
            self.reading.whole = True
            self._directory(path)
        elif path.is_file():
            self.reading.whole = self.reading.whole or suffix_of(path) in TOML
            self._file(path)
        else:
            self._refuse(path, "is no file or directory")

    def _directory(self, directory: Path) -> None:
        try:
            has_yaml = any(suffix_of(path) in YAML for path in directory.iterdir())
        except OSError as error:
            self._refuse(directory, f"cannot be read: {error.strerror}")
            return
        for path in self._files_below(directory):
            if suffix_of(path) in TOML and (has_yaml or path.parent != directory):
                message = "not read: its directory has YAML files; name this file to load it instead"
                self.reading.skipped.append(FileProblem("", message, file=self._shown(path)))
            elif suffix_of(path) in (*YAML, *TOML):
                self._file(path)

    def _files_below(self, directory: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
        """Links are followed, but for one that leads back to where it is reached from."""
        above |= {directory.resolve()}
        try:
            found = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self._refuse(directory, f"cannot be read: {error.strerror}")
            return
        yield from (path for path in found if not path.is_dir())
        for path in found:
            if path.is_dir() and path.resolve() not in above:
                if self._is_inside(path):
                    yield from self._files_below(path, above)
                else:
                    self._refuse(path, OUTSIDE)

    def _is_inside(self, path: Path) -> bool:
        return self._inside is None or path.resolve().is_relative_to(self._inside)

    def _file(self, path: Path) -> None:
        resolved = path.resolve()
        if resolved in self._seen:
            return
        self._seen.add(resolved)
        if not self._is_inside(path):
            self._refuse(path, OUTSIDE)
        elif len(self._seen) > MAX_FILES:
            self._refuse(path, f"is one file too many; a load reads at most {MAX_FILES}")
        elif suffix_of(path) not in (*YAML, *TOML):
            self._refuse(path, "is neither YAML (.yaml, .yml) nor TOML (.toml)")
        elif (text := self._text(path)) is not None:
            self.reading.files.append(resolved)
            read = _read_toml if suffix_of(path) in TOML else _read_yaml
            for directory, problem in read(text, self._shown(path), self.reading):
                self._rules_directory(path, directory, problem)

    def _text(self, path: Path) -> str | None:
        try:
            if path.stat().st_size > MAX_BYTES:
                self._refuse(path, f"is larger than {MAX_BYTES // 1024} KiB")
                return None
            return path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            self.reading.problems.append(
                FileProblem("", "is not UTF-8 text", file=self._shown(path), line=line)
            )
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror}")
        return None

    def _rules_directory(self, toml: Path, directory: str, problem: FileProblem) -> None:
        """`[rules] directory` of a TOML file: below the file, else (the guide's way) below where we run."""
        for path in (toml.parent / directory, Path(directory)):
            if path.is_dir():
                self._directory(path)
                return
        self.reading.problems.append(problem)

    def _refuse(self, path: Path, message: str) -> None:
        self.reading.problems.append(FileProblem("", message, file=self._shown(path)))

    def _shown(self, path: Path) -> str:
        if self._inside:
            absolute = Path(os.path.abspath(path))
            return (
                str(absolute.relative_to(self._inside))
                if absolute.is_relative_to(self._inside)
                else path.name
            )
        return str(path)


def suffix_of(path: Path) -> str:
    """Some systems write B.YAML, which is as much a file of ours as b.yaml."""
    return path.suffix.lower()


def _read_yaml(text: str, file: str, reading: Reading) -> Iterator[tuple[str, FileProblem]]:
    document, flaws = read_yaml(text, file)
    _add_flaws(document, flaws, reading)
    for name, value in document.data.items():
        if name in READ_BY_OTHERS:
            reading.skipped.append(FileProblem("", f"not read: {READ_BY_OTHERS[name]}", file=file))
            reading.others.append(Entry(name, value, document, (name,)))
        elif name in KINDS:
            _section(name, value, document, (name,), reading)
        else:
            reading.problems.append(document.problem((name,), f"unknown key{did_you_mean(name, KINDS)}"))
    yield from ()


def _read_toml(text: str, file: str, reading: Reading) -> Iterator[tuple[str, FileProblem]]:
    document, flaws = read_toml(text, file)
    _add_flaws(document, flaws, reading)
    mapped = map_toml(document)
    reading.problems += mapped.problems
    reading.warnings += mapped.warnings
    reading.entries += mapped.entries
    for name, (value, place) in mapped.sections.items():
        _section(name, value, document, place, reading)
    for directory, place in mapped.directories:
        message = f"{directory!r} is no directory, seen from this file or from where the command runs"
        yield directory, document.problem(place, message)


def _section(name: str, value: Any, document: Document, at: Place, reading: Reading) -> None:
    entries, problems = KINDS[name].expand(value, document, at)
    reading.entries += entries
    reading.problems += problems


def _add_flaws(document: Document, flaws: list[Flaw], reading: Reading) -> None:
    """The flaws, each with the entry that it stands in, where it stands in one."""
    for flaw in flaws:
        kind = KINDS.get(str(flaw.place[0])) if flaw.place else None
        item = _item(document, flaw.place)
        if kind and item is not None:
            name = kind.label(kind.identity(item))
            where = path_text(flaw.place[2:])
            found = FileProblem(where, flaw.message, document.file, flaw.line, kind.title, name)
        else:
            found = FileProblem(path_text(flaw.place), flaw.message, document.file, flaw.line)
        reading.problems.append(found)


def _item(document: Document, place: Place) -> dict[str, Any] | None:
    if len(place) < 2 or not isinstance(place[1], int):
        return None
    section = document.data.get(str(place[0]))
    item = section[place[1]] if isinstance(section, list) and place[1] < len(section) else None
    return item if isinstance(item, dict) else None
