"""A form field for names with commas between them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from acteon_site.base.names import name_problem

MOST_NAMES = 100


class NamesField(forms.CharField):
    """Names with commas between them, or * for all; its value is a list."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, colon_allowed: bool = False, **options: Any) -> None:
        options.setdefault("initial", "*")
        options.setdefault("help_text", "Exact names with commas between them, or * for all.")
        super().__init__(**options)
        self.colon_allowed = colon_allowed

    def to_python(self, value: Any) -> Any:
        names = [name.strip() for name in str(value or "").split(",") if name.strip()]
        for name in names:
            problem = name_problem(name, colon_allowed=self.colon_allowed)
            if problem:
                raise ValidationError(f"{name}: {problem}")
        if len(names) > MOST_NAMES:
            raise ValidationError(f"at most {MOST_NAMES} names")
        if "*" in names and len(names) > 1:
            raise ValidationError("give * alone, or names")
        return names
