"""Versions of the rule set: evidence of what decided when, and of what each changed."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Max
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from rules_app.admin.version_diff import EMPTY, Difference, version_differences
from rules_app.models import RuleSetVersion
from rules_app.selectors import previous_version

_COLOURS = {"+": "#15803d", "-": "#b91c1c"}


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(ReadOnlyAdmin):
    list_display = ("number", "in_force", "cause", "actor", "created_at", "rule_count")
    search_fields = ("cause", "actor")
    fields = ("number", "in_force", "cause", "actor", "created_at", "changes", "whole_content")
    readonly_fields = fields

    @display(description="In force", boolean=True)
    def in_force(self, version: RuleSetVersion) -> bool:
        return bool(version.number == RuleSetVersion.objects.aggregate(newest=Max("number"))["newest"])

    @display(description="Rules")
    def rule_count(self, version: RuleSetVersion) -> int:
        return len(version.content["rules"])

    @display(description="What it changed")
    def changes(self, version: RuleSetVersion) -> SafeString | str:
        before = previous_version(version)
        found = version_differences(before.content if before else EMPTY, version.content)
        if not found:
            return "nothing"
        return format_html_join("", "{}", ((_difference_html(one),) for one in found))

    @display(description="The rules as they stood")
    def whole_content(self, version: RuleSetVersion) -> SafeString | str:
        return pretty_json(version.content)


def _difference_html(found: Difference) -> SafeString:
    lines = format_html_join(
        "\n",
        '<span style="color: {}">{}</span>',
        ((_COLOURS.get(line[:1], "inherit"), line) for line in found.lines),
    )
    head = format_html("<b>{}</b> {}", found.name, found.how)
    return format_html('<p>{}</p><pre style="white-space: pre-wrap">{}</pre>', head, lines)
