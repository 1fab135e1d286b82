"""The trail's paths."""

from django.urls import URLPattern, URLResolver, path

from acteon_site.http.endpoint import reading
from audit_app.api import views_analytics, views_audit, views_retention, views_stream

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/audit", views_audit.AuditList.as_view()),
    path(
        "v1/audit/verify",
        reading(views_audit.AuditDetail, "action_id", "verify", acting=views_audit.AuditVerify),
    ),
    path("v1/audit/<path:action_id>", views_audit.AuditDetail.as_view()),
    path("v1/analytics", views_analytics.Analytics.as_view()),
    path("v1/compliance/status", views_audit.ComplianceStatus.as_view()),
    path("v1/retention", views_retention.RetentionList.as_view()),
    path("v1/retention/<str:policy_id>", views_retention.RetentionDetail.as_view()),
    path("v1/stream", views_stream.stream),
    # With the admin's session, and asynchronous as the admin's own views are not: so it comes before them.
    path("admin/audit_app/liveboard/stream/", views_stream.board, name="live_board_stream"),
    path("v1/subscribe/<str:kind>/<path:key>", views_stream.subscribe),
]
