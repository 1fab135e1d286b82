"""Legal holds: placed and lifted with a reason, never edited."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, reason_of, source_of
from acteon_site.base.clock_text import moment
from audit_app.models import LegalHold
from audit_app.services.legal_holds import legal_hold_lift, legal_hold_place, legal_hold_problems

LIFT = "lift"
FIELDS = ("namespace", "tenant", "order_name", "held_from", "held_until", "reason")


class LegalHoldForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = LegalHold
        fields = FIELDS

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given: dict[str, Any] = {name: cleaned.get(name) for name in FIELDS}
        texts = {name: given[name] or "" for name in ("namespace", "tenant", "order_name", "reason")}
        for problem in legal_hold_problems(**{**given, **texts}):
            if problem.field not in self.errors:
                self.add_error(problem.field, problem.message)
        return cleaned


@admin.register(LegalHold)
class LegalHoldAdmin(ButtonPagesAdmin):
    view_codename = "audit_app.view_legalhold"
    act_codename = "audit_app.change_legalhold"
    list_display = ("of", "order", "time", "reason", "placed", "state")
    list_filter = ("namespace",)
    form = LegalHoldForm
    fields = FIELDS  # type: ignore[assignment]
    change_form_template = "admin/audit_app/legal_hold.html"
    buttons = (LIFT,)
    empty_title = "No legal holds"
    empty_text = "While a hold stands, nothing of what it names is deleted, whatever retention says."

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("audit_app.add_legalhold") and self.reaches(request, self.act_role)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-placed_at", "-id")

    @display(description="Tenant")
    def of(self, hold: LegalHold) -> str:
        return f"{hold.tenant} / {hold.namespace}"

    @display(description="Order")
    def order(self, hold: LegalHold) -> str:
        return hold.order_name or "all"

    @display(description="Of the time")
    def time(self, hold: LegalHold) -> str:
        return hold.time_words or "at any time"

    @display(description="Placed")
    def placed(self, hold: LegalHold) -> str:
        return f"{moment(hold.placed_at)} by {hold.placed_by}"

    @display(description="State", label={"in force": "warning", "lifted": "info"})
    def state(self, hold: LegalHold) -> str:
        return "lifted" if hold.lifted_at else "in force"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        placed = legal_hold_place(**{name: getattr(obj, name) for name in FIELDS}, source=source_of(request))
        obj.pk, obj._state.adding = placed.pk, False

    def note(self, request: HttpRequest, row: Any, what: str, words: str = "") -> None:
        """In place of what the admin says of any row. The reason stands on its page."""
        held = f"order {row.order_name}" if row.order_name else "everything"
        did = "lifted a legal hold" if row.lifted_at else "placed a legal hold"
        super().note(request, row, did, f"{held} {row.time_words}".strip())

    def details(self, request: HttpRequest, obj: LegalHold | None) -> dict[str, Any]:
        if obj is None:
            return {}
        may_lift = self.may_act(request) and obj.lifted_at is None
        return {"hold": obj, "title": str(obj), "buttons": [self._lift(obj)] if may_lift else []}

    def _lift(self, hold: LegalHold) -> Button:
        question = f"Lift the hold on {hold}? Retention then deletes what is past its time, for good."
        return Button(
            "Lift", self.url_of(LIFT, hold.pk), question, "Yes, lift it", "bad", reason="Why", required=True
        )

    def press(self, request: HttpRequest, obj: LegalHold, name: str) -> ButtonResult:
        with transaction.atomic():
            lifted = legal_hold_lift(hold_id=obj.pk, reason=reason_of(request), source=source_of(request))
            self.note(request, lifted, LIFT)
        return ButtonResult("The hold is lifted.")
