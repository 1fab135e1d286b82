"""The live board: the page, what it begins with, and what it asks about the newest orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from acteon_site.admin.scoped import ScopedAdmin, reader_of
from acteon_site.admin.zones import zone_of
from acteon_site.base.money import money
from acteon_site.base.principals import Role
from acteon_site.base.registry import Hook, Registry
from audit_app.admin.filters import scope_chosen, scopes_seen
from audit_app.admin.home_cards import GROUP_OF, OUTCOME_GROUPS
from audit_app.analytics.panels import names_within
from audit_app.models import AuditRecord, LiveBoard
from audit_app.records.rollups import worth
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.stream.board import MINUTES, board_at
from audit_app.stream.frames import Frame

MOST_ASKED = 40
Key = tuple[str, str, str]  # namespace, tenant, action id
Names = Callable[[HttpRequest, QuerySet[AuditRecord]], Mapping[Key, "Named"]]
# By what people know these records' orders, as far as the asking person may see them. Whoever has orders lists it.
NAMES: Registry[Hook[Names]] = Registry("table of orders' names")
MAY_SEE = "audit_app.view_auditrecord"
RECORDS = "admin:audit_app_auditrecord_changelist"


@dataclass(frozen=True, slots=True)
class Named:
    """An order's name, and where its page is."""

    name: str
    url: str


@admin.register(LiveBoard)
class LiveBoardAdmin(ScopedAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(MAY_SEE) and self.reaches(request, Role.VIEWER)

    def get_urls(self) -> list[URLPattern]:
        own, begin = self.admin_site.admin_view, "audit_app_liveboard"
        return [
            path("", own(self.changelist_view), name=f"{begin}_changelist"),
            path("state/", own(self.state_view), name=f"{begin}_state"),
            path("orders/", own(self.orders_view), name=f"{begin}_orders"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        self._require(request)
        chosen = scope_chosen(request)
        zone = zone_of(request.user)
        context = {
            **self.admin_site.each_context(request),
            "title": "Live",
            "opts": self.opts,
            "groups": {key: words for key, (words, _) in OUTCOME_GROUPS.items()},
            "scopes": [(":".join(one), " / ".join(one)) for one in scopes_seen(request) if any(one)],
            "scope": ":".join(chosen) if chosen else "",
            "zone": zone,
            "settings": {
                "zone": zone.key,
                "minutes": MINUTES,
                "scope": dict(zip(("namespace", "tenant"), chosen, strict=True)) if chosen else {},
                "groups": {key: words for key, (words, _) in OUTCOME_GROUPS.items()},
                "groupOf": GROUP_OF,
                "state": reverse("admin:audit_app_liveboard_state"),
                "orders": reverse("admin:audit_app_liveboard_orders"),
                "stream": reverse("live_board_stream"),
                "records": reverse(RECORDS),
            },
        }
        return TemplateResponse(request, "admin/audit_app/live/page.html", context)

    def state_view(self, request: HttpRequest) -> JsonResponse:
        """What was counted up to `number`: `minutes` of the last hour by outcome, and `today` of the viewer's zone."""
        self._require(request)
        names = names_within(reader_of(request), scope_chosen(request))
        found = board_at(timezone.now(), zone_of(request.user), names)
        return JsonResponse(
            {
                "number": found.number,
                "behind": found.behind,
                "minutes": [[at, outcome, count] for (at, outcome), count in found.minutes.items() if count],
                "newest": [_told(frame) for frame in found.newest],
                "today": {outcome: count for outcome, count in found.today.items() if count},
            }
        )

    def orders_view(self, request: HttpRequest) -> JsonResponse:
        """By action, what each of these was worth, and the order's name and page where it made one."""
        self._require(request)
        ids = list(dict.fromkeys(request.GET.getlist("id")))[:MOST_ASKED]
        within = names_within(reader_of(request), scope_chosen(request))
        lookups = {f"{name}__in": list(among) for name, among in within.items()}
        records = AuditRecord.objects.filter(action_id__in=ids, **lookups)
        worths = _worths(records)
        names = {
            key: named for table in NAMES.values() for key, named in table.call(request, records).items()
        }
        return JsonResponse({"\n".join(key): _about(worth, names.get(key)) for key, worth in worths.items()})

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _told(frame: Frame) -> dict[str, str]:
    """What of a frame the page looks at."""
    names = ("namespace", "tenant", "action_type", "action_id", "outcome")
    return {"timestamp": frame.timestamp, **{name: getattr(frame, name) for name in names}}


def _about(worth: str, named: Named | None) -> dict[str, str]:
    return {"worth": worth} | ({"name": named.name, "url": named.url} if named else {})


def _worths(records: QuerySet[AuditRecord]) -> dict[Key, str]:
    columns = ("action_id", "namespace", "tenant", "action_payload")
    found: dict[Key, str] = {}
    rows = records.filter(outcome__in=DISPATCH_OUTCOMES)
    for action_id, namespace, tenant, payload in rows.values_list(*columns):
        amount, currency = worth(payload)
        # Two shops may name their actions alike.
        found[namespace, tenant, action_id] = money(amount, currency) if currency else ""
    return found
