"""The page on which an auditor takes the evidence of a range away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from acteon_site.admin.buttons import source_of
from audit_app.admin.filters import scopes_seen
from audit_app.evidence.parts import Span
from audit_app.services.evidence import evidence_export, evidence_size

MOST = 200_000  # records: more take longer than a browser waits
IN_MEMORY = 8 * 1024 * 1024
TOO_MANY = (
    "these are {count:,} records, too many for a page: use manage.py export_evidence, or a shorter range"
)


class EvidenceForm(forms.Form):
    """`span` is what was asked for, once the form is valid."""

    scope = forms.ChoiceField(label="Tenant", widget=UnfoldAdminSelectWidget)
    since = forms.DateField(label="From (UTC)", widget=UnfoldAdminSingleDateWidget)
    until = forms.DateField(
        label="Until (UTC)",
        widget=UnfoldAdminSingleDateWidget,
        help_text="The whole day belongs to it.",
    )
    span: Span

    def __init__(self, *args: Any, scopes: Iterable[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [
            (f"{namespace}:{tenant}", f"{tenant} / {namespace}") for namespace, tenant in scopes if namespace
        ]
        self.fields["scope"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"scope", "since", "until"} - cleaned.keys():
            return cleaned
        if cleaned["until"] < cleaned["since"]:
            self.add_error("until", "is before the begin")
            return cleaned
        namespace, _, tenant = cleaned["scope"].partition(":")
        until = cleaned["until"] + timedelta(days=1)
        self.span = Span(namespace, tenant, _midnight(cleaned["since"]), _midnight(until))
        if (count := evidence_size(self.span)) > MOST:
            self.add_error(None, TOO_MANY.format(count=count))
        return cleaned


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def evidence_page(request: HttpRequest, page: admin.ModelAdmin[Any]) -> HttpResponseBase:
    """The form, or the ZIP that it asks for. Who may come here the caller has checked."""
    form = EvidenceForm(request.POST or None, scopes=scopes_seen(request))
    if request.method == "POST" and form.is_valid():
        return _download(request, form.span)
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": "Export evidence",
        "form": form,
    }
    return TemplateResponse(request, "admin/audit_app/evidence.html", context)


def _download(request: HttpRequest, span: Span) -> FileResponse:
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the response closes it
    evidence_export(span=span, out=file, source=source_of(request))
    file.seek(0)
    name = f"evidence-{span.tenant}-{span.since:%Y%m%d}-{span.until - timedelta(days=1):%Y%m%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
