"""The dashboard: sums of a range beside those of the week before, in the viewer's zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from acteon_site.admin.scoped import ScopedAdmin, reader_of, sees_everything
from acteon_site.admin.zones import zone_choose, zone_names, zone_of
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from audit_app.admin.filters import scope_chosen, scopes_seen
from audit_app.admin.ranges import CHOICES, Range, range_of
from audit_app.analytics.asking import sums_now
from audit_app.analytics.panels import PANELS, Panel, View
from audit_app.models import Dashboard
from audit_app.services.rollup_names import MOST_NAMES

MAY_SEE = "audit_app.view_auditrecord"


@admin.register(Dashboard)
class DashboardAdmin(ScopedAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(MAY_SEE) and self.reaches(request, Role.VIEWER)

    def get_urls(self) -> list[URLPattern]:
        own = path("zone/", self.admin_site.admin_view(self.zone_view), name="audit_app_dashboard_zone")
        page = path(
            "", self.admin_site.admin_view(self.changelist_view), name="audit_app_dashboard_changelist"
        )
        return [own, page]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        zone, now = zone_of(request.user), timezone.now()
        asked = range_of(request.GET.dict(), now, zone)
        scope = scope_chosen(request)
        with sums_now() as sums:
            view = View(sums, asked.span, asked.before, zone, reader_of(request), scope)
            panels = [(panel, panel.figures(view)) for panel in _panels(request)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Dashboard",
            "opts": self.opts,
            "panels": panels,
            "asked": asked,
            "choices": CHOICES,
            "scopes": [(":".join(one), " / ".join(one)) for one in scopes_seen(request) if any(one)],
            "scope": ":".join(scope) if scope else "",
            "zone": zone,
            "zones": zone_names(),
            "words": _in_words(asked, view),
            "at": now.astimezone(zone),
            "most_names": MOST_NAMES,
        }
        return TemplateResponse(request, "admin/audit_app/dashboard/page.html", context)

    def zone_view(self, request: HttpRequest) -> HttpResponse:
        """POST alone: keeps the viewer's zone, and leads back."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            zone_choose(user=request.user, name=request.POST.get("zone", ""))
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        query = request.POST.get("back", "")
        url = reverse("admin:audit_app_dashboard_changelist")
        return HttpResponseRedirect(f"{url}?{query}" if query else url)


def _panels(request: HttpRequest) -> list[Panel]:
    everything = sees_everything(request)
    seen = [panel for panel in PANELS.values() if request.user.has_perm(panel.permission)]
    return sorted(
        (panel for panel in seen if everything or not panel.of_no_tenant), key=lambda panel: panel.place
    )


def _in_words(asked: Range, view: View) -> dict[str, str]:
    spans = {"span": asked.span, "before": asked.before}
    return {
        name: f"{_moment(view.moment(span.since))} to {_moment(view.moment(span.until))}"
        for name, span in spans.items()
    }


def _moment(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y %H:%M}"
