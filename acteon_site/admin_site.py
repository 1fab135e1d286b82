"""The frame of the admin, as settings.UNFOLD names it: sidebar, badges, styles, and the home page's figures."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin_home import home
from chains_app.models import Incident, Run
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus

Item = tuple[str, str, str, str]  # title, icon, name of the model's pages, permission
MOST_COUNTED = 99
GROUPS: dict[str, tuple[Item, ...]] = {
    "Today": (
        ("Approvals", "approval", "orders_app_approval", "orders_app.view_hold"),
        ("Waiting orders", "schedule", "orders_app_waitingorder", "orders_app.view_hold"),
        ("Incidents", "warning", "chains_app_incident", "chains_app.view_incident"),
        ("Dead letters", "report", "chains_app_deadletter", "chains_app.view_run"),
    ),
    "Orders & runs": (
        ("Orders", "package_2", "orders_app_order", "orders_app.view_order"),
        ("Runs", "conversion_path", "chains_app_run", "chains_app.view_run"),
    ),
    "Rules": (
        ("Rules", "rule", "rules_app_rule", "rules_app.view_rule"),
        ("Versions", "history", "rules_app_rulesetversion", "rules_app.view_rulesetversion"),
        ("Rule settings", "tune", "rules_app_rulesettings", "rules_app.view_rulesettings"),
        ("Quotas", "speed", "rules_app_quota", "rules_app.view_quota"),
    ),
    "Configuration": (
        ("Chains", "account_tree", "chains_app_chaindefinition", "chains_app.view_chaindefinition"),
        ("Providers", "dns", "chains_app_provider", "chains_app.view_provider"),
        (
            "Circuit breakers",
            "electrical_services",
            "chains_app_circuitbreaker",
            "chains_app.view_circuitbreaker",
        ),
        ("Lifecycles", "timeline", "orders_app_lifecycle", "orders_app.view_lifecycle"),
        ("Templates", "description", "orders_app_template", "orders_app.view_template"),
        ("Profiles", "article", "orders_app_templateprofile", "orders_app.view_templateprofile"),
        ("Retention", "auto_delete", "audit_app_retentionpolicy", "audit_app.view_retentionpolicy"),
        ("Redaction", "visibility_off", "audit_app_redactedfield", "audit_app.view_redactedfield"),
    ),
    "Trail": (
        ("Audit", "fact_check", "audit_app_auditrecord", "audit_app.view_auditrecord"),
        ("Events", "stream", "audit_app_event", "audit_app.view_event"),
    ),
    "Access": (
        ("API keys", "key", "acteon_site_apikey", "acteon_site.view_apikey"),
        ("Users", "person", "auth_user", "auth.view_user"),
        ("Groups", "group", "auth_group", "auth.view_group"),
    ),
}
FOLDED = ("Configuration", "Trail", "Access")
BADGES = {
    "orders_app_approval": ("approvals", "warning"),
    "chains_app_incident": ("incidents", "danger"),
    "chains_app_deadletter": ("letters", "warning"),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    counted = {
        "approvals": _approvals(request),
        "incidents": _incidents(request),
        "letters": _letters(request),
    }
    groups = [
        {"title": title, "items": [_item(request, item, counted) for item in items]}
        for title, items in GROUPS.items()
    ]
    groups[0]["items"] = [
        {"title": "Home", "icon": "home", "link": reverse("admin:index")},
        *groups[0]["items"],
    ]
    return [
        group | {"separator": index > 0, "collapsible": group["title"] in FOLDED}
        for index, group in enumerate(groups)
    ]


def _item(request: HttpRequest, item: Item, counted: dict[str, str]) -> dict[str, Any]:
    title, icon, name, permission = item
    allowed = request.user.has_perm(permission)
    shown = {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{name}_changelist"),
        "permission": lambda _request: allowed,
    }
    key, variant = BADGES.get(name, ("", ""))
    if counted.get(key):
        shown |= {"badge": counted[key], "badge_variant": variant}
    return shown


def _approvals(request: HttpRequest) -> str:
    if not request.user.has_perm("orders_app.view_hold"):
        return ""
    now = timezone.now()
    return _few(Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, due_at__gt=now))


def _incidents(request: HttpRequest) -> str:
    if not request.user.has_perm("chains_app.view_incident"):
        return ""
    return _few(Incident.objects.filter(resolved_at__isnull=True))


def _letters(request: HttpRequest) -> str:
    if not request.user.has_perm("chains_app.view_run"):
        return ""
    return _few(Run.objects.filter(dead_lettered_at__isnull=False))


def _few(rows: Any) -> str:
    """How many, counted no further than MOST_COUNTED; empty for none."""
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return {**context, "title": "Today", "home": home(request)}


def environment(request: HttpRequest) -> list[str]:
    return ["Embedded mode", "info"] if settings.EMBEDDED else ["Production", "success"]


def stylesheet(request: HttpRequest) -> str:
    return static("acteon_site/admin.css")


def script(request: HttpRequest) -> str:
    return static("acteon_site/admin.js")


def favicon(request: HttpRequest) -> str:
    return static("acteon_site/favicon.svg")
