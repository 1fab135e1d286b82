"""docker-compose.yml as Compose reads it: what each service gets, from the variables of an .env file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "scheduler")
# Innermost first: the default of one variable may name another.
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^${}]*))?\}")


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """`text` with ${NAME}, ${NAME:-default} and ${NAME:?message} filled in. Fails where a needed one is missing."""
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name is None:
            return "\0"
        if kind == "?" and not variables.get(name):
            missing.append(name)
            return f"\1{name}\1"
        return variables.get(name) or (rest if kind == "-" else "")

    while (filled := VARIABLE.sub(value, text)) != text:
        text = filled
    needed = [name for name in missing if f"\1{name}\1" in text]
    assert not needed, f"set {needed}"
    return text.replace("\0", "$")


def environment_of(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What the service's process finds in its environment; a name without a value is passed on where it is set."""
    given: Mapping[str, str | None] = SERVICES[service]["environment"]
    passed = {name: variables[name] for name, text in given.items() if text is None and name in variables}
    return passed | {name: interpolated(text, variables) for name, text in given.items() if text is not None}


def command_of(service: str, variables: Mapping[str, str]) -> list[str]:
    return [interpolated(word, variables) for word in SERVICES[service]["command"]]


def without_values(words: list[str]) -> list[str]:
    """Options by their names alone, where a number of processes or an address stands."""
    return [re.sub(r"^(--(?:host|port|workers|concurrency|loglevel))=.*", r"\1", word) for word in words]
