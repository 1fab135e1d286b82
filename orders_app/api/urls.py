"""Paths of orders, approvals, schedules and templates. Fingerprints may hold slashes, URL-encoded."""

from django.urls import path

from acteon_site.http.endpoint import reading
from audit_app.api.views_audit import AuditDetail
from orders_app.api import (
    views_approvals,
    views_dispatch,
    views_explain,
    views_groups,
    views_orders,
    views_recurring,
    views_replay,
    views_templates,
)

urlpatterns = [
    path("v1/dispatch", views_dispatch.Dispatch.as_view()),
    path("v1/dispatch/batch", views_dispatch.DispatchBatch.as_view()),
    path("v1/events", views_orders.Events.as_view()),
    path(
        "v1/events/<path:fingerprint>/transition",
        reading(views_orders.Event, "fingerprint", "transition", acting=views_orders.Transition),
    ),
    path("v1/events/<path:fingerprint>", views_orders.Event.as_view()),
    path("v1/orders/<path:fingerprint>/cancel", views_orders.OrderCancel.as_view()),
    path("v1/orders/<path:fingerprint>/settle", views_orders.OrderSettle.as_view()),
    path("v1/scheduled", views_orders.Scheduled.as_view()),
    path("v1/scheduled/<path:action_id>/cancel", views_orders.ScheduledCancel.as_view()),
    path("v1/groups", views_groups.Groups.as_view()),
    path("v1/groups/<str:group_key>", views_groups.Group.as_view()),
    path("v1/approvals", views_approvals.Approvals.as_view()),
    path(
        "v1/approvals/<path:namespace>/<str:tenant>/<str:approval_id>/approve",
        views_approvals.ApprovalDecision.as_view(),
    ),
    path(
        "v1/approvals/<path:namespace>/<str:tenant>/<str:approval_id>/reject",
        views_approvals.Reject.as_view(),
    ),
    path("v1/approvals/<path:namespace>/<str:tenant>/<str:approval_id>", views_approvals.Approval.as_view()),
    path("v1/audit/replay", reading(AuditDetail, "action_id", "replay", acting=views_replay.ReplayMany)),
    path(
        "v1/audit/<path:action_id>/replay",
        reading(AuditDetail, "action_id", "replay", acting=views_replay.Replay),
    ),
    path("v1/rules/explain/<path:action_id>", views_explain.RuleExplain.as_view()),
    path("v1/recurring", views_recurring.RecurringList.as_view()),
    path("v1/recurring/<str:pk>", views_recurring.RecurringDetail.as_view()),
    path("v1/recurring/<str:pk>/pause", views_recurring.RecurringPause.as_view()),
    path("v1/recurring/<str:pk>/resume", views_recurring.RecurringResume.as_view()),
    path("v1/recurring/<str:pk>/backfill", views_recurring.RecurringBackfill.as_view()),
    path("v1/recurring/<str:pk>/firings", views_recurring.RecurringFirings.as_view()),
    path("v1/recurring/<str:pk>/next", views_recurring.RecurringNext.as_view()),
    path("v1/templates", views_templates.Templates.as_view()),
    path("v1/templates/render", views_templates.Render.as_view()),
    path("v1/templates/profiles", views_templates.Profiles.as_view()),
    path("v1/templates/profiles/<str:pk>", views_templates.ProfileDetail.as_view()),
    path("v1/templates/<str:pk>", views_templates.TemplateDetail.as_view()),
]
