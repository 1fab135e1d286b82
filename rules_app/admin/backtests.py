"""Backtests: asked for on a draft's or version's page, computed by a worker, shown here as they were stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, actor_of
from acteon_site.base.errors import invalid_field
from acteon_site.base.money import money
from acteon_site.base.principals import Role
from rules_app.backtest_words import OTHERWISE_WORDS, OUTCOMES, UNKNOWN_WORDS, left_aside, value_of
from rules_app.backtesting.tally import KINDS
from rules_app.models import Backtest, BacktestOrder
from rules_app.services.backtests import ANY, Asked, backtest_remove, backtest_request

PAGE_OF_ORDERS = 50
MOST_SHOPS_SHOWN = 30
MOST_SHOWN = 5  # beside what they are of
FILTERS = {"how": frozenset(KINDS), "from_outcome": OUTCOMES, "to_outcome": OUTCOMES}


@admin.register(Backtest)
class BacktestAdmin(ButtonPagesAdmin):
    view_codename = "rules_app.view_rule"
    act_codename = "rules_app.change_rule"
    act_role = Role.ADMIN
    in_trail = False
    of_no_tenant = True  # it is a draft's, and drafts hold the rules of all
    buttons = ("remove",)
    change_form_template = "admin/rules_app/backtest.html"
    list_display = ("title", "shown_state", "begins_at", "ends_at", "requested_by", "requested_at")
    list_filter = ("state",)
    search_fields = ("title", "requested_by")
    empty_title = "No backtests"
    empty_text = (
        "Open a draft or a version and ask there what it would have done with the orders of the past."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    @display(
        description="State",
        label={"done": "success", "failed": "danger", "running": "info", "queued": "info"},
    )
    def shown_state(self, row: Backtest) -> str:
        return row.state

    def details(self, request: HttpRequest, obj: Backtest) -> dict[str, Any]:
        may_see = request.user.has_perm("audit_app.view_auditrecord")
        return {
            "backtest": obj,
            "found": _found(obj),
            "orders": _orders(request, obj) if may_see and obj.summary else None,
            "buttons": self._buttons(obj) if self.may_act(request) else [],
        }

    def _buttons(self, obj: Backtest) -> list[Button]:
        question = (
            "Forget this backtest? It can be asked for again." if obj.is_over else "Stop and forget it?"
        )
        return [Button("Remove", self.url_of("remove", obj.pk), question, "Yes, remove it", "bad")]

    def press(self, request: HttpRequest, obj: Backtest, name: str) -> ButtonResult:
        backtest_remove(pk=obj.pk)
        return ButtonResult("The backtest is gone.")

    def landing(self, row: Backtest, name: str) -> str:
        return self.url_of("changelist")


def backtest_asked(request: HttpRequest, *, draft: int | None = None, version: int | None = None) -> Backtest:
    """What the form on a draft's, or a version's, page asks for. Raises 422 where a day or time cannot be read."""
    post = request.POST
    scope = {name: post.get(name, "").strip() or ANY for name in ("namespace", "tenant")}
    asked = Asked(_typed(post, "from"), _typed(post, "to"), draft, version, **scope)
    return backtest_request(asked=asked, actor=actor_of(request))


def backtests_shown(rows: QuerySet[Backtest]) -> dict[str, Any]:
    """The newest of them, and the last seven days to ask for another one."""
    now = timezone.now().replace(second=0, microsecond=0)
    newest = rows.defer("content").order_by("-requested_at", "-id")[:MOST_SHOWN]
    return {"backtests": newest, "week": (now - timedelta(days=7), now + timedelta(minutes=1))}


def _typed(post: Mapping[str, Any], name: str) -> datetime:
    """As a browser sends a day and time; UTC, as all times of these pages."""
    try:
        return datetime.fromisoformat(str(post.get(name, ""))).replace(tzinfo=UTC)
    except ValueError:
        raise invalid_field(name, "must be a day and time") from None


def _found(obj: Backtest) -> dict[str, Any]:
    """The summary with amounts as people write them."""
    summary = obj.summary
    if not summary:
        return {}
    return {
        **summary,
        "value": value_of(summary["dispatches"]["values"]),
        "outcomes": [
            {**one, "value": value_of(one["values"]), "url": _pair(one)} for one in summary["outcomes"]
        ],
        "rules": [_rule(one) for one in summary["rules"] if one["was"] != one["would"]],
        "shops": [_shop(one) for one in summary["shops"][:MOST_SHOPS_SHOWN] if one["changed"]["count"]],
        "aside": list(left_aside(summary)),
    }


def _pair(one: Mapping[str, Any]) -> str:
    asked = {"how": "changed", "from_outcome": one["from"], "to_outcome": one["to"]}
    return f"?{urlencode(asked)}#orders"


def _rule(one: Mapping[str, Any]) -> dict[str, Any]:
    values = {f"{side}_value": value_of(one[side]["values"]) for side in ("was", "would")}
    return {"rule": one["rule"], "was": one["was"]["count"], "would": one["would"]["count"], **values}


def _shop(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "changed": one["changed"]["count"], "value": value_of(one["changed"]["values"])}


def _orders(request: HttpRequest, obj: Backtest) -> dict[str, Any]:
    """A page of the listed dispatches, by the index on what they were and would be."""
    asked = {name: request.GET[name] for name, words in FILTERS.items() if request.GET.get(name) in words}
    text = request.GET.get("page", "")
    number = int(text) if text.isdecimal() and len(text) < 6 else 1
    begin = (max(number, 1) - 1) * PAGE_OF_ORDERS
    rows = list(obj.orders.filter(**asked)[begin : begin + PAGE_OF_ORDERS + 1])
    return {
        "rows": [_line(row) for row in rows[:PAGE_OF_ORDERS]],
        "asked": asked,
        "kinds": KINDS,
        "number": number,
        "next": _page(asked, number + 1) if len(rows) > PAGE_OF_ORDERS else "",
        "previous": _page(asked, number - 1) if number > 1 else "",
    }


def _page(asked: Mapping[str, str], number: int) -> str:
    return f"?{urlencode({**asked, 'page': number})}#orders"


def _line(row: BacktestOrder) -> dict[str, Any]:
    return {
        "row": row,
        "record_url": reverse("admin:audit_app_auditrecord_change", args=[row.record_id]),
        "order_url": reverse("admin:orders_app_order_change", args=[row.order_id]) if row.order_id else "",
        "value": "" if row.amount is None else money(row.amount, row.currency),
        "note": _note(row),
    }


def _note(row: BacktestOrder) -> str:
    if row.how == "unknown":
        return UNKNOWN_WORDS.get(row.note, row.note)
    words = [OTHERWISE_WORDS.get(name, name) for name in row.note.split(", ") if name]
    return ", ".join([*words, "its provider's answer is not known"] if row.answer_unknown else words)
