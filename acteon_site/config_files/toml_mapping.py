"""From the guide's TOML keys to the same entries that YAML files hold.

[[providers]]                       providers
[circuit_breaker], .providers.X     circuit_breakers, one for each provider of the file
[[chains.definitions]]              chains
[rules]                             settings; `directory` names rule files to read as well
[audit.redact]                      redaction
[[lifecycles]] [[quotas]] [[retention]] [[templates]] [[profiles]]   as in YAML

What the reference keeps in this file and we keep elsewhere is warned about; anything else unknown is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.config_files.documents import Document, Entry, Place
from acteon_site.config_files.problems import FileProblem, did_you_mean

SAME_AS_YAML = ("lifecycles", "quotas", "retention", "templates", "profiles")
TABLES = ("providers", "circuit_breaker", "chains", "rules", "audit", *SAME_AS_YAML)
ELSEWHERE: Mapping[tuple[str, ...], str] = {
    ("server", "approval_secret"): (
        "was not read: approval keys belong into the environment, as APPROVAL_KEYS=<kid>=<secret>"
    ),
    ("server",): "is not read: the address is an option of `manage.py serve`",
    ("state",): "is not read: DATABASE_URL names the database",
    ("executor",): "is not read: retries belong to a chain's step (`retry`), time limits to a provider",
    ("background",): "is not read: worker and scheduler always do these jobs",
    ("chains", "max_concurrent_advances"): "is not read: it is the number of workers",
    ("chains", "completed_chain_ttl_seconds"): "is not read: a retention policy's state_ttl_seconds says it",
    ("audit", "backend"): "is not read: the audit trail is in the database of DATABASE_URL",
    ("audit", "url"): "is not read: the audit trail is in the database of DATABASE_URL",
    ("audit", "ttl_seconds"): (
        "is not read: how long records are kept is a tenant's retention policy (audit_ttl_seconds), "
        "made by `pipeline setup`, POST /v1/retention or [[retention]]"
    ),
}
ALWAYS_ON = {
    "enabled": "the audit trail cannot be turned off",
    "store_payload": "payloads are always stored, redacted; what must not be seen goes into [audit.redact]",
}
BREAKER_KEYS = (
    "enabled",
    "failure_threshold",
    "success_threshold",
    "recovery_timeout_seconds",
    "fallback_provider",
)


@dataclass(slots=True)
class Mapped:
    """What a TOML file comes to. `sections` are read like the YAML sections of the same name."""

    entries: list[Entry] = field(default_factory=list)
    sections: dict[str, tuple[Any, Place]] = field(default_factory=dict)
    directories: list[tuple[str, Place]] = field(default_factory=list)
    problems: list[FileProblem] = field(default_factory=list)
    warnings: list[FileProblem] = field(default_factory=list)


def map_toml(document: Document) -> Mapped:
    mapped = Mapped()
    data = dict(document.data)
    if isinstance(data.get("quotas"), Mapping):  # the reference's switch; ours are on where they exist
        del data["quotas"]
        mapped.warnings.append(
            document.problem(("quotas",), "is not read: quotas are in force where they exist")
        )
    _warn_elsewhere(document, data, mapped)
    _sections(document, data, mapped)
    _breakers(document, data, mapped)
    _chains(document, data, mapped)
    _rules(document, data, mapped)
    _audit(document, data, mapped)
    return mapped


def _warn_elsewhere(document: Document, data: dict[str, Any], mapped: Mapped) -> None:
    for place, message in ELSEWHERE.items():
        table = data.get(place[0])
        if isinstance(table, Mapping) and (len(place) == 1 or place[1] in table):
            mapped.warnings.append(document.problem(place, message))
    known = {*TABLES, *(place[0] for place in ELSEWHERE)}
    for name in data:
        if name not in known:
            mapped.problems.append(document.problem((name,), f"unknown table{did_you_mean(name, known)}"))


def _sections(document: Document, data: Mapping[str, Any], mapped: Mapped) -> None:
    for name in ("providers", *SAME_AS_YAML):
        if name in data:
            mapped.sections[name] = (data[name], (name,))


def _table(
    document: Document, value: Any, at: Place, known: tuple[str, ...] | None, mapped: Mapped
) -> Mapping[str, Any]:
    """The table at a place; {} with a problem where it is none. With `known`, other keys are problems."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        mapped.problems.append(document.problem(at, "must be a table"))
        return {}
    for name in value:
        if known is None or name in known or (*at, name) in ELSEWHERE:
            continue
        mapped.problems.append(document.problem((*at, name), f"unknown key{did_you_mean(name, known)}"))
    return value


def _breakers(document: Document, data: Mapping[str, Any], mapped: Mapped) -> None:
    at: Place = ("circuit_breaker",)
    if "circuit_breaker" not in data:
        return
    table = _table(document, data["circuit_breaker"], at, (*BREAKER_KEYS, "providers"), mapped)
    shared = {name: table[name] for name in BREAKER_KEYS if name in table}
    own = _table(document, table.get("providers"), (*at, "providers"), None, mapped)
    for name in dict.fromkeys([*_provider_names(data), *own]):
        place: Place = (*at, "providers", name) if name in own else at
        settings = _table(document, own.get(name), place, BREAKER_KEYS, mapped)
        # Fields without a table of their own stand in the shared one.
        moved = {key: (*at, key) for key in shared if key not in settings}
        spec = {"provider": name, **shared, **{key: settings[key] for key in BREAKER_KEYS if key in settings}}
        mapped.entries.append(Entry("circuit_breakers", spec, document, place, moved))


def _provider_names(data: Mapping[str, Any]) -> list[str]:
    listed = data.get("providers")
    items = listed if isinstance(listed, list) else []
    names = [item.get("name") for item in items if isinstance(item, Mapping)]
    return [name for name in names if isinstance(name, str) and name]


def _chains(document: Document, data: Mapping[str, Any], mapped: Mapped) -> None:
    at: Place = ("chains",)
    table = _table(document, data.get("chains"), at, ("definitions",), mapped)
    definitions = table.get("definitions")
    if definitions is None:
        return
    if not isinstance(definitions, list):
        mapped.problems.append(document.problem((*at, "definitions"), "must be an array of tables"))
        return
    for index, spec in enumerate(definitions):
        place: Place = (*at, "definitions", index)
        if isinstance(spec, Mapping):
            mapped.entries.append(_chain(document, dict(spec), place, mapped))
        else:
            mapped.problems.append(document.problem(place, "must be a chain with its keys"))


def _chain(document: Document, spec: dict[str, Any], at: Place, mapped: Mapped) -> Entry:
    """The chain. A `default_next` that stands below a branch belongs to its step, as the guide means it."""
    moved: dict[str, Place] = {}
    steps = spec.get("steps")
    if not isinstance(steps, list):
        return Entry("chains", spec, document, at)
    spec["steps"] = []
    for number, step in enumerate(steps):
        branches = step.get("branches") if isinstance(step, Mapping) else None
        if isinstance(branches, list):
            step = dict(step)
            for place in _hoist(step, branches, (*at, "steps", number)):
                if f"steps[{number}].default_next" in moved:
                    mapped.problems.append(document.problem(place, "a step has one default_next"))
                moved[f"steps[{number}].default_next"] = place
        spec["steps"].append(step)
    return Entry("chains", spec, document, at, moved)


def _hoist(step: dict[str, Any], branches: list[Any], at: Place) -> list[Place]:
    """Take default_next out of the branches; where it stood, once more for a step that has its own."""
    found: list[Place] = [(*at, "default_next")] if "default_next" in step else []
    step["branches"] = []
    for index, branch in enumerate(branches):
        if isinstance(branch, Mapping) and "default_next" in branch:
            found.append((*at, "branches", index, "default_next"))
            step["default_next"] = branch["default_next"]
            branch = {name: value for name, value in branch.items() if name != "default_next"}
        step["branches"].append(branch)
    return found


def _rules(document: Document, data: Mapping[str, Any], mapped: Mapped) -> None:
    at: Place = ("rules",)
    table = _table(document, data.get("rules"), at, ("directory", "default_timezone"), mapped)
    if "default_timezone" in table:
        mapped.sections["settings"] = ({"default_timezone": table["default_timezone"]}, at)
    directory = table.get("directory")
    if isinstance(directory, str) and directory:
        mapped.directories.append((directory, (*at, "directory")))
    elif directory is not None:
        mapped.problems.append(document.problem((*at, "directory"), "must be the path of a directory"))


def _audit(document: Document, data: Mapping[str, Any], mapped: Mapped) -> None:
    at: Place = ("audit",)
    table = _table(document, data.get("audit"), at, ("enabled", "store_payload", "redact"), mapped)
    for name, message in ALWAYS_ON.items():
        if table.get(name, True) is not True:
            mapped.problems.append(document.problem((*at, name), message))
    if "redact" in table:
        mapped.sections["redaction"] = (table["redact"], (*at, "redact"))
