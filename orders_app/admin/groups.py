"""Groups of actions: what waits for its call and what was sent, the actions inside, and the button that sends now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, source_of
from acteon_site.admin.cells import shop_cell
from acteon_site.admin.times import countdown
from acteon_site.base.clock_text import ago, moment
from audit_app.admin.filters import ScopeFilter
from audit_app.selectors import current_redactor
from orders_app.admin.filters import ChosenState
from orders_app.admin.payloads import Row, payload_rows
from orders_app.admin.trail import shown_rule
from orders_app.contract.actions import stored_action
from orders_app.models import ActionGroup, GroupedAction
from orders_app.services.groups import group_flush_now
from orders_app.states import GroupState

COLORS: dict[str, str] = {
    GroupState.WAITING: "warning",
    GroupState.FLUSHING: "info",
    GroupState.FLUSHED: "success",
    GroupState.FAILED: "danger",
}
UNDER_WAY = (GroupState.WAITING, GroupState.FLUSHING)
FLUSH = "flush"
MOST_SHOWN = 50


class GroupsShown(ChosenState):
    states = (GroupState.FLUSHED, GroupState.FAILED)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state__in=[self.value()] if self.value() in self.states else UNDER_WAY)


@dataclass(frozen=True, slots=True)
class Inside:
    """An action of a group, redacted."""

    name: str
    came: str
    payload: list[Row]
    url: str


@admin.register(ActionGroup)
class ActionGroupAdmin(ButtonPagesAdmin):
    view_codename = "orders_app.view_actiongroup"
    # As with what waits: who may cancel orders may have a group sent.
    act_codename = "orders_app.change_order"
    exports: ClassVar = {
        name: name
        for name in (
            *("id", "group_key", "state", "event_count", "namespace", "tenant", "provider", "action_type"),
            *("rule", "created_at", "notify_at", "closed_by", "ended_at", "problem"),
        )
    }
    list_display = ("what", "shop", "actions_inside", "provider", "due", "shown_state", "problem")
    list_filter = (ScopeFilter, GroupsShown)
    ordering = ("-id",)
    change_form_template = "admin/orders_app/group.html"
    buttons = (FLUSH,)
    empty_title = "No group waits"
    empty_text = "Actions that a rule gathers for one call appear here until they are sent."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        groups: QuerySet[Any] = super().get_queryset(request)
        return groups.defer("outcome")

    @display(description="Group")
    def what(self, group: ActionGroup) -> str:
        return title_of(group)

    @display(description="Shop")
    def shop(self, group: ActionGroup) -> str:
        return shop_cell(group)

    @display(description="Actions")
    def actions_inside(self, group: ActionGroup) -> int:
        return group.event_count

    @display(description="Sent")
    def due(self, group: ActionGroup) -> SafeString | str:
        if group.state == GroupState.WAITING:
            return countdown(group.notify_at, "in {}", "now")
        return ago(group.ended_at) if group.ended_at else "now"

    @display(description="State", label=COLORS)
    def shown_state(self, group: ActionGroup) -> str:
        return str(group.state)

    def details(self, request: HttpRequest, obj: ActionGroup) -> dict[str, Any]:
        members = obj.members.order_by("position")[:MOST_SHOWN]
        waits = obj.state == GroupState.WAITING
        return {
            "group": obj,
            "title": title_of(obj),
            "label": COLORS.get(obj.state, ""),
            "time_left": countdown(obj.notify_at, "sent in {}", "is sent now") if waits else "",
            "closed": "" if waits else moment(obj.notify_at),
            "labels": [(path, "-" if value is None else value) for path, value in obj.labels.items()],
            "inside": [_inside(request, member) for member in members],
            "left_out": max(0, obj.event_count - MOST_SHOWN),
            "rule": shown_rule(request, obj.rule),
            "records_url": _records_url(request, str(obj.pk)) if obj.ended_at else "",
            "buttons": self.buttons_for(obj) if waits and self.may_act(request, obj) else [],
        }

    def buttons_for(self, group: ActionGroup) -> list[Button]:
        question = (
            f"Send {group.told} to {group.provider} now? What comes after that waits for the next group."
        )
        return [Button("Send now", self.url_of(FLUSH, group.pk), question, "Yes, send", "good")]

    def press(self, request: HttpRequest, obj: ActionGroup, name: str) -> ButtonResult:
        group = group_flush_now(group_id=obj.pk, source=source_of(request))
        if group.problem:
            text = (
                f"Closed with {group.told}, and not sent yet: {group.problem}. It is tried again by itself."
            )
            return ButtonResult(text, messages.WARNING)
        return ButtonResult(f"Closed with {group.told}; {group.provider} is called.")


def title_of(group: ActionGroup) -> str:
    told = ", ".join("-" if value is None else str(value)[:60] for value in group.labels.values())
    return f"{group.rule}: {told}" if told else group.rule


def _inside(request: HttpRequest, member: GroupedAction) -> Inside:
    action = stored_action(member.body)
    shown = current_redactor().scrubber(action.payload, action.tainted).payload
    return Inside(action.id, moment(member.added_at), payload_rows(shown), _records_url(request, action.id))


def _records_url(request: HttpRequest, action_id: str) -> str:
    """The list of what the trail says of an action, or of the group's call, which is there under the group's id."""
    if not request.user.has_perm("audit_app.view_auditrecord"):
        return ""
    return f"{reverse('admin:audit_app_auditrecord_changelist')}?{urlencode({'q': action_id})}"
