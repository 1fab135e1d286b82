"""Reads TOML (1.0, and 1.1's multi-line inline tables, which the guide uses) with the line of every key."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from acteon_site.config_files.documents import UNSTORABLE, Document, Flaw, Place, unstorable
from acteon_site.config_files.toml_lines import MAX_DEPTH, TooDeep, toml_lines


def read_toml(text: str, file: str) -> tuple[Document, list[Flaw]]:
    """The document and everything wrong with its form. A document with flaws is empty."""
    try:
        lines, doubles = toml_lines(text)
        data: dict[str, Any] = tomlkit.parse(text).unwrap()
    except TooDeep as deep:
        return Document(file, {}, {}), [Flaw((), deep.args[0], f"is nested deeper than {MAX_DEPTH} levels")]
    except ParseError as error:
        message = str(error).partition(" at line ")[0].replace("character: '\\x00'", "end of the file")
        return Document(file, {}, {}), doubles or [Flaw((), error.line, f"is not valid TOML: {message}")]
    except (TOMLKitError, ValueError) as error:
        return Document(file, {}, {}), doubles or [Flaw((), 1, f"is not valid TOML: {error}")]
    document = Document(file, data, lines)
    return document, [Flaw(place, document.line(place), message) for place, message in _not_json(data, ())]


def _not_json(value: Any, place: Place) -> list[tuple[Place, str]]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _not_json(inner, (*place, key))]
    if isinstance(value, list):
        return [found for index, inner in enumerate(value) for found in _not_json(inner, (*place, index))]
    if isinstance(value, datetime | date | time):
        return [(place, "dates and times are read as text only: put it in quotes")]
    if isinstance(value, str) and unstorable(value):
        return [(place, UNSTORABLE)]
    if isinstance(value, float) and not math.isfinite(value):
        return [(place, f"{value} is no number that JSON knows")]
    return []
