"""`redaction`: payload fields that never reach the trail. One entry of a file becomes one row per field."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import Field, check_fields, flag, text
from acteon_site.config_files.documents import Document, Entry, Place
from acteon_site.config_files.kind import Kind, Spec
from acteon_site.config_files.problems import FileProblem, did_you_mean
from acteon_site.config_files.toml_tables import TomlTables
from audit_app.models import RedactedField

KEYS = ("fields", "placeholder", "enabled")
ALWAYS_ON = {
    "enabled": "the audit trail cannot be turned off",
    "store_payload": "payloads are always stored, redacted; what must not be seen goes into [audit.redact]",
}


LONGEST_PATH, LONGEST_PLACEHOLDER = 200, 40


def _path(value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
        return "must name a payload field"
    return text(value, LONGEST_PATH)


def _placeholder(value: Any) -> str | None:
    return text(value, LONGEST_PLACEHOLDER) or (None if value else "must not be empty")


class Redaction(Kind):
    section = "redaction"
    title = "redacted field"
    file = "redaction.yaml"
    area = config_versions.REDACTION
    key = ("path",)
    defaults = {"enabled": True, "placeholder": "[REDACTED]"}

    toml_table = "audit"
    toml_elsewhere = {
        ("audit", "backend"): "is not read: the audit trail is in the database of DATABASE_URL",
        ("audit", "url"): "is not read: the audit trail is in the database of DATABASE_URL",
        ("audit", "region"): "is not read: it says where another kind of database is",
        ("audit", "prefix"): "is not read: the tables' names are fixed",
        ("audit", "table_name"): "is not read: the tables' names are fixed",
        ("audit", "cleanup_interval_seconds"): "is not read: the reaper of the workers runs by itself",
        ("audit", "ttl_seconds"): (
            "is not read: how long records are kept is a tenant's retention policy (audit_ttl_seconds), "
            "made by `pipeline setup`, POST /v1/retention or [[retention]]"
        ),
    }

    def rows(self) -> QuerySet[RedactedField]:
        return RedactedField.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return check_fields(
            spec,
            {"path": Field(_path, required=True), "placeholder": Field(_placeholder), "enabled": Field(flag)},
        )

    def to_spec(self, row: RedactedField) -> Spec:
        return self.canonical({"path": row.path, "placeholder": row.placeholder, "enabled": row.enabled})

    def gather(self, specs: list[Spec]) -> Any:
        """One group for each placeholder and switch; the group itself where there is only one."""
        groups: dict[str, Spec] = {}
        for spec in specs:
            full = {**self.defaults, **spec}
            shared = {"placeholder": full["placeholder"], **({} if full["enabled"] else {"enabled": False})}
            groups.setdefault(repr(shared), {"fields": [], **shared})["fields"].append(spec["path"])
        found = list(groups.values())
        return found[0] if len(found) == 1 else found

    def expand(self, value: Any, document: Document, at: Place) -> tuple[list[Entry], list[FileProblem]]:
        """`{fields, placeholder, enabled}`, or a list of such where placeholders differ."""
        groups = value if isinstance(value, list) else [] if value is None else [value]
        entries: list[Entry] = []
        problems: list[FileProblem] = []
        for index, group in enumerate(groups):
            place = (*at, index) if isinstance(value, list) else at
            if not isinstance(group, dict) or not isinstance(group.get("fields"), list):
                problems.append(document.problem(place, "must be an object with `fields`, a list of names"))
                continue
            problems += [
                document.problem((*place, key), f"unknown key{did_you_mean(key, KEYS)}")
                for key in group
                if key not in KEYS
            ]
            entries += self._group(group, document, place)
        return entries, problems

    def map_toml(self, toml: TomlTables) -> None:
        """`[audit.redact]`; what else `[audit]` says is as it is here, or stands elsewhere."""
        at: Place = ("audit",)
        known = (*ALWAYS_ON, "redact")
        table = toml.table(toml.data.get("audit"), at, known, self.toml_elsewhere)
        for name, message in ALWAYS_ON.items():
            if table.get(name, True) is not True:
                toml.refuse((*at, name), message)
        if "redact" in table:
            toml.sections[self.section] = (table["redact"], (*at, "redact"))

    def _group(self, group: dict[str, Any], document: Document, place: Place) -> list[Entry]:
        shared = {key: group[key] for key in KEYS[1:] if key in group}
        moved = {key: (*place, key) for key in shared}
        return [
            Entry(self.section, {"path": path, **shared}, document, (*place, "fields", index), moved)
            for index, path in enumerate(group["fields"])
        ]
