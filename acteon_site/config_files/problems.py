"""What is wrong in a file, said so that an editor can jump there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from acteon_site.base.errors import AppError, FieldProblem


@dataclass(frozen=True, slots=True)
class FileProblem(FieldProblem):
    """A problem at a place: `file:line: kind "name": field: message`. Line 0 stands for the whole file."""

    file: str = ""
    line: int = 0
    kind: str = ""
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        found = {"file": self.file, "line": self.line, "kind": self.kind, "name": self.name}
        extra = {key: value for key, value in found.items() if value}
        return {"field": self.field, "message": self.message, **extra}

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f'{self.kind} "{self.name}"' if self.name else self.kind
        return ": ".join(part for part in (place, subject, self.field, self.message) if part)


class LoadRefused(AppError):
    """Nothing was changed, and these are all the reasons. A 409 where --force alone would have helped."""

    def __init__(self, problems: Sequence[FileProblem], *, only_conflicts: bool = False) -> None:
        noun = "problem" if len(problems) == 1 else "problems"
        first = f"; the first: {problems[0]}" if problems else ""
        status, code = (409, "CONFLICT") if only_conflicts else (422, "VALIDATION")
        super().__init__(f"{len(problems)} {noun}, nothing was loaded{first}", code, status, details=problems)
        self.problems: tuple[FileProblem, ...] = tuple(problems)


def distinct(problems: Iterable[FileProblem]) -> list[FileProblem]:
    """The first problem of every place: a value that could not be read is not wrong a second time."""
    first: dict[tuple[str, int, str, str, str], FileProblem] = {}
    for problem in problems:
        place = (problem.file, problem.line, problem.kind, problem.name, problem.field)
        first.setdefault(place, problem)
    return list(first.values())


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A suggestion to append to a message, or the list of what is known where nothing is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f"; known are {', '.join(sorted(known))}" if known else ""
