"""The trail as evidence, and the settings of redaction and retention."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from audit_app.counting import OUTCOMES
from audit_app.models import AuditHead, AuditRecord, Event, RedactedField, RetentionPolicy
from audit_app.services.redaction import redacted_field_delete, redacted_field_save

Shown = SafeString | str


class ScopeFilter(admin.SimpleListFilter):
    """Namespace and tenant from the few heads: the records themselves are never asked for their values."""

    title = "tenant"
    parameter_name = "scope"
    MOST = 200

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(f"{namespace}:{tenant}", f"{namespace} / {tenant}") for namespace, tenant in _scopes()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        namespace, colon, tenant = (self.value() or "").partition(":")
        return queryset.filter(namespace=namespace, tenant=tenant) if colon else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """A fixed vocabulary. It names the tenants too, since the index of outcomes begins with them."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(outcome, outcome) for outcome in sorted(OUTCOMES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        namespaces, tenants = zip(*{("", ""), *_scopes()}, strict=True)
        return queryset.filter(namespace__in=namespaces, tenant__in=tenants, outcome=self.value())


def _scopes() -> list[tuple[str, str]]:
    heads = AuditHead.objects.order_by("namespace", "tenant")
    return list(heads.values_list("namespace", "tenant")[: ScopeFilter.MOST])


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "dispatched_at",
        "outcome",
        "verdict",
        "matched_rule",
        "tenant",
        "action_type",
        "action_id",
    )
    list_filter = (ScopeFilter, OutcomeFilter)
    search_fields = ("action_id",)
    search_help_text = "The exact action id"
    ordering = ("-dispatched_at", "-id")
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


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("number", "created_at", "type", "tenant", "action_type", "action_id", "chain_id")
    search_fields = ("action_id",)
    search_help_text = "The exact action id or chain id"
    ordering = ("-number",)
    show_facets = admin.ShowFacets.NEVER
    fields = (
        "number",
        "created_at",
        "type",
        "namespace",
        "tenant",
        "action_type",
        "action_id",
        "chain_id",
        "shown",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(action_id=term) | Q(chain_id=term)) if term else queryset), False

    @admin.display(description="Data")
    def shown(self, event: Event) -> Shown:
        return pretty_json(event.data)


@admin.register(RedactedField)
class RedactedFieldAdmin(ModelAdmin):
    list_display = ("path", "enabled", "placeholder", "source", "edited_by")
    search_fields = ("path",)
    readonly_fields = ("source", "edited_by", "edited_at", "created_at")

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: bool) -> None:
        if isinstance(obj, RedactedField):
            redacted_field_save(field=obj, actor=request.user.get_username())

    def delete_model(self, request: HttpRequest, obj: RedactedField) -> None:
        redacted_field_delete(field=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RedactedField]) -> None:
        for field in queryset:
            redacted_field_delete(field=field)


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(ModelAdmin):
    list_display = (
        "namespace",
        "tenant",
        "enabled",
        "compliance_hold",
        "audit_ttl_seconds",
        "state_ttl_seconds",
        "event_ttl_seconds",
    )
    list_filter = ("enabled", "compliance_hold")
    search_fields = ("namespace", "tenant")
    ordering = ("namespace", "tenant")
    readonly_fields = ("source", "edited_by", "edited_at", "created_at")

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: bool) -> None:
        if isinstance(obj, RetentionPolicy):
            obj.edited_by, obj.edited_at = request.user.get_username(), timezone.now()
        super().save_model(request, obj, form, change)
