"""A form field for structured settings, typed as JSON or YAML and read as strictly as a loaded file."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from acteon_site.base.errors import AppError
from acteon_site.config_files.yaml_reader import read_yaml
from acteon_site.config_files.yaml_writer import write_object
from acteon_site.http import strict_json

MAX_CHARACTERS = 100_000


class StructuredField(forms.CharField):
    """Its value is an object (dict). Shown as indented JSON, or as YAML; either is accepted."""

    def __init__(
        self, *, rows: int = 12, yaml: bool = False, attributes: dict[str, Any] | None = None, **options: Any
    ) -> None:
        self.yaml = yaml
        plain = {"rows": rows, "spellcheck": "false", "class": "font-mono", "autocomplete": "off"}
        attributes = plain | (attributes or {})
        options.setdefault("widget", UnfoldAdminTextareaWidget(attrs=attributes))
        options.setdefault("max_length", MAX_CHARACTERS)
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if self.yaml and isinstance(value, dict):
            return write_structure(value) if value else ""
        return json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return read_structure(text) if text else None

    def run_validators(self, value: Any) -> None:
        """The length is looked at while the value is still text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


def write_structure(value: dict[str, Any]) -> str:
    """The object as YAML that `read_structure` reads back."""
    return write_object(value)


def read_structure(text: str) -> dict[str, Any]:
    """The object that the text spells, as JSON or else as YAML. Raises ValidationError naming the line."""
    if len(text) > MAX_CHARACTERS:
        raise ValidationError(f"must have at most {MAX_CHARACTERS} characters")
    if text.lstrip().startswith("{"):
        try:
            return dict(strict_json.decode(text.encode("utf-8", "surrogatepass")))
        except AppError as error:
            if not _is_yaml(text):
                raise ValidationError(error.message) from error
    document, flaws = read_yaml(text, "")
    if flaws:
        raise ValidationError([f"line {flaw.line}: {flaw.message}" for flaw in flaws])
    return dict(document.data)


def _is_yaml(text: str) -> bool:
    return not read_yaml(text, "")[1]
