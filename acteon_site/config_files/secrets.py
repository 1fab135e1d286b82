"""Secrets in files: written as ${NAME}, read from the environment, never written out again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.plan import HIDDEN

# $${NAME} stands for the text ${NAME} itself.
_VARIABLE = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Headers that say nothing about who is calling.
PLAIN_HEADERS = frozenset(("content-type", "accept", "user-agent", "accept-language"))


class FromEnvironment(str):
    """A secret that remembers how the file spells it. To everything else it is its value."""

    __slots__ = ("spelling",)
    spelling: str


def expand(text: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with its variables filled in, and the names of those that are not set."""
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match.group(1):
            return match.group()[1:]
        name = match.group(2)
        if not environment.get(name):
            missing.append(name)
        return environment.get(name, "")

    expanded = FromEnvironment(_VARIABLE.sub(value, text))
    expanded.spelling = text
    return (expanded if _VARIABLE.search(text) else text), missing


def names_variable(text: Any) -> bool:
    return isinstance(text, str) and bool(_VARIABLE.search(text))


def map_secrets(
    spec: Mapping[str, Any], keys: frozenset[str], change: Callable[[str, str], Any]
) -> dict[str, Any]:
    """The spec with `change(field, text)` in place of every secret text: of a key, or one level below it."""
    return {name: _mapped(name, value, change) if name in keys else value for name, value in spec.items()}


def _mapped(field: str, value: Any, change: Callable[[str, str], Any]) -> Any:
    if isinstance(value, str):
        return change(field, value)
    if isinstance(value, Mapping):
        named = ((name, f"{field}.{name}", inner) for name, inner in value.items())
        return {name: _text_mapped(place, inner, change) for name, place, inner in named}
    if isinstance(value, list | tuple):
        return [_text_mapped(f"{field}[{index}]", inner, change) for index, inner in enumerate(value)]
    return value


def _text_mapped(field: str, value: Any, change: Callable[[str, str], Any]) -> Any:
    return change(field, value) if isinstance(value, str) else value


def resolve_secrets(
    spec: Mapping[str, Any], keys: frozenset[str], environment: Mapping[str, str]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    problems: list[FieldProblem] = []

    def fill(field: str, text: str) -> str:
        value, missing = expand(text, environment)
        problems.extend(
            FieldProblem(field, f"the environment variable {name} is not set") for name in missing
        )
        return value

    return map_secrets(spec, keys, fill), problems


def hide_secrets(spec: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """For comparing: equal secrets stay equal, and nobody can read or guess them back."""
    return map_secrets(spec, keys, lambda field, text: f"{HIDDEN}{keyed_hash('secret', field, text)}")


def spellings(spec: Mapping[str, Any], keys: frozenset[str]) -> dict[str, dict[str, str]]:
    """How the file spells its secrets, by field, each with the hash of the value that it stood for."""
    found: dict[str, dict[str, str]] = {}

    def note(field: str, text: str) -> str:
        if isinstance(text, FromEnvironment):
            found[field] = {"text": text.spelling, "hash": keyed_hash("secret", field, text)}
        return text

    map_secrets(spec, keys, note)
    return found


def is_plain(field: str) -> bool:
    prefix, _, header = field.partition(".")
    return prefix == "headers" and header.lower() in PLAIN_HEADERS


def mask_secrets(
    spec: Mapping[str, Any], keys: frozenset[str], spelled: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """For export: every secret as the file spelled it, or as a variable named after provider and field."""

    def mask(field: str, text: str) -> str:
        found = spelled.get(field, {})
        if found.get("hash") == keyed_hash("secret", field, text):
            return found["text"]
        if is_plain(field):
            return text.replace("${", "$${")
        return f"${{{variable_name(str(spec.get('name', '')), field)}}}"

    return map_secrets(spec, keys, mask)


def variable_name(provider: str, field: str) -> str:
    """`payment-gateway`, `headers.Authorization` as PAYMENT_GATEWAY_AUTHORIZATION."""
    words = f"{provider}_{field.removeprefix('headers.')}"
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    return name if not name[:1].isdigit() else f"P_{name}"


def variables_in(value: Any) -> set[str]:
    """The names of all variables that an exported value stands on."""
    if isinstance(value, str):
        return {match.group(2) for match in _VARIABLE.finditer(value) if not match.group(1)}
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in variables_in(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in variables_in(inner)}
    return set()
