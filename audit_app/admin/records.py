"""The audit trail as evidence."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.safestring import SafeString
from unfold.decorators import action as page_action

from acteon_site.admin.cells import shop_cell, text_cell
from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from audit_app.admin.evidence import evidence_page
from audit_app.admin.filters import OutcomeFilter, ScopeFilter
from audit_app.models import AuditRecord

Shown = SafeString | str


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "dispatched_at",
        "outcome",
        "verdict",
        "matched_rule",
        "shop",
        "action_type",
        "action",
    )
    exports: ClassVar = {
        **{name: name for name in ("id", "dispatched_at", "outcome", "verdict", "matched_rule", "namespace")},
        **{name: name for name in ("tenant", "provider", "action_type", "action_id", "chain_id")},
        **{name: name for name in ("caller_id", "auth_method", "request_id", "ruleset_version")},
        **{name: name for name in ("completed_at", "duration_ms", "sequence_number", "record_hash")},
        **{name: name for name in ("action_payload", "verdict_details", "outcome_details", "metadata")},
    }
    list_filter = (ScopeFilter, OutcomeFilter)
    search_fields = ("action_id",)
    search_help_text = "The exact action id"
    ordering = ("-dispatched_at", "-id")
    actions_list = ("evidence",)  # type: ignore[assignment]
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (None, {"fields": ("outcome", "verdict", "matched_rule", "namespace", "tenant", "provider")}),
        ("Action", {"fields": ("action_type", "action_id", "chain_id", "shown_payload", "shown_metadata")}),
        ("What happened", {"fields": ("shown_verdict", "shown_outcome", "ruleset_version")}),
        (
            "When and who",
            {
                "fields": (
                    "dispatched_at",
                    "completed_at",
                    "duration_ms",
                    "caller_id",
                    "auth_method",
                    "request_id",
                    "caller_address",
                    "caller_agent",
                )
            },
        ),
        ("Seal", {"fields": ("sequence_number", "record_hash", "previous_hash")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # Django's own exact search ignores case, which no index serves.
        return (queryset.filter(action_id=search_term.strip()) if search_term else queryset), False

    @admin.display(description="Shop")
    def shop(self, record: AuditRecord) -> str:
        return shop_cell(record)

    @admin.display(description="Action")
    def action(self, record: AuditRecord) -> Shown:
        return text_cell(record.action_id)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("audit_app.export_evidence")

    @page_action(description="Export evidence", permissions=["export"], url_path="evidence", icon="verified")  # type: ignore[operator]
    def evidence(self, request: HttpRequest) -> HttpResponseBase:
        return evidence_page(request, self)

    @admin.display(description="Payload")
    def shown_payload(self, record: AuditRecord) -> Shown:
        return pretty_json(record.action_payload)

    @admin.display(description="Metadata")
    def shown_metadata(self, record: AuditRecord) -> Shown:
        return pretty_json(record.metadata)

    @admin.display(description="Verdict details")
    def shown_verdict(self, record: AuditRecord) -> Shown:
        return pretty_json(record.verdict_details)

    @admin.display(description="Outcome details")
    def shown_outcome(self, record: AuditRecord) -> Shown:
        return pretty_json(record.outcome_details)
