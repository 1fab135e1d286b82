"""The forms of the pages of named lists, and how a previewed text travels to its import."""

from __future__ import annotations

import base64
import binascii
import zlib
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import invalid
from rules_app.admin.forms import show_problems
from rules_app.lists.texts import MAX_NOTE, MAX_VALUE, value_problem
from rules_app.models import NamedList
from rules_app.services.lists import KEYS, list_problems

MOST_TEXT = 32 * 1024 * 1024  # of a packed text, once unpacked
_NO_TEXT = "cannot be read: choose the file again"


class NamedListForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = NamedList
        fields = ("name", "description", "matching", "namespace", "tenant")
        help_texts: ClassVar = {
            "name": "What rules call it: in_named_list: sanctioned-countries",
            "description": "What it is for, and when somebody belongs on it.",
            "namespace": "* for all. Of several lists of one name the tenant's counts, then the namespace's, then *.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        row = {name: getattr(self.instance, name) for name in KEYS}
        show_problems(self, list_problems(row | cleaned), {})
        return cleaned


def _text(label: str, help_text: str = "", *, longest: int, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=longest,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


class EntryForm(forms.Form):
    value = _text("Value", longest=MAX_VALUE, required=True)
    note = _text("Why", "Stands beside the value, and in the explanation of decisions.", longest=MAX_NOTE)
    expires_at = _text(
        "Until", "With its offset, for example 2026-12-31T23:59:59Z. Empty: for good.", longest=40
    )

    def clean_value(self) -> str:
        value: str = self.cleaned_data["value"]
        if problem := value_problem(value):
            raise forms.ValidationError(problem)
        return value

    def clean_expires_at(self) -> datetime | None:
        text: str = self.cleaned_data["expires_at"]
        moment = parse_time(text) if text else None
        if text and (moment is None or moment <= timezone.now()):
            raise forms.ValidationError("must be a time to come with its offset, like 2026-12-31T23:59:59Z")
        return moment


class ImportForm(forms.Form):
    """A file, or what is pasted. `text` holds either, cleaned."""

    file = forms.FileField(
        label="File",
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text="CSV whose first line names the column value (and note, expires_at), or one value on each line. "
        "In UTF-8, at most 2 MB; longer ones with manage.py rule_lists import.",
    )
    pasted = forms.CharField(
        label="Or the text itself",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
    )
    replace = forms.BooleanField(
        label="Take off what is not in it", required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        try:
            cleaned["text"] = file.read().decode("utf-8-sig") if file else cleaned.get("pasted", "")
        except UnicodeDecodeError:
            self.add_error("file", "is not in UTF-8: save it so, and choose it again")
            return cleaned
        if not cleaned["text"].strip():
            self.add_error("file", "holds nothing to import")
        return cleaned


def packed(text: str) -> str:
    """The text as a form's field, small enough to come back."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpacked(field: str) -> str:
    """The reverse. Raises 422 where somebody has changed the field."""
    try:
        unpacking = zlib.decompressobj()
        raw = unpacking.decompress(base64.b64decode(field, validate=True), MOST_TEXT)
        if unpacking.unconsumed_tail:
            raise invalid("the text is too long for a page: use manage.py rule_lists import")
        return raw.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise invalid(f"the text {_NO_TEXT}") from error
