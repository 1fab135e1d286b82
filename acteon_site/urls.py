"""All paths. The API's carry no trailing slash; two of them live under /admin/ and come before the admin.

Who loads this module loads every page; workers, schedulers and commands never do.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from acteon_site.access.oidc.views import oidc_back, oidc_begin
from acteon_site.access.sign_in_form import admin_login, admin_logout
from acteon_site.access.views import Login, Logout, SigningKeys
from acteon_site.admin import second_pages
from acteon_site.admin.search import find_page
from acteon_site.admin.security_pages import own_security
from acteon_site.http.openapi_document import OpenApiDocument
from acteon_site.watching.health import Health, Metrics, PrometheusMetrics, Ready
from acteon_site.watching.status import Status
from chains_app.api.urls import admin_urlpatterns as breaker_urls

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/admin/")),
    path("health", Health.as_view()),
    path("ready", Ready.as_view()),
    path("status", Status.as_view()),
    path("metrics", Metrics.as_view()),
    path("metrics/prometheus", PrometheusMetrics.as_view()),
    path("api-doc/openapi.json", OpenApiDocument.as_view(), name="schema"),
    # In two parts: its script is no inline one, which the page's Content-Security-Policy would stop.
    path("swagger-ui/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="swagger"),
    path("openapi.json", OpenApiDocument.as_view()),
    path(".well-known/acteon-signing-keys", SigningKeys.as_view()),
    path("v1/auth/login", Login.as_view()),
    path("v1/auth/logout", Logout.as_view()),
    path("", include("orders_app.api.urls")),
    path("", include("rules_app.api.urls")),
    path("", include("chains_app.api.urls")),
    path("", include("subscriptions_app.api.urls")),
    path("", include("audit_app.api.urls")),
    *breaker_urls,
    path("admin/login/", admin_login),
    path("admin/find/", admin.site.admin_view(find_page), name="find"),
    path("admin/logout/", admin_logout),
    path("admin/second-step/", second_pages.second_step, name="second_step"),
    path("admin/second-step/passkey/", second_pages.second_step_passkey, name="second_step_passkey"),
    path("admin/second-step/set-up/", second_pages.second_step_set_up, name="second_step_set_up"),
    path(
        "admin/second-step/set-up/passkey/",
        second_pages.second_step_set_up_passkey,
        name="second_step_set_up_passkey",
    ),
    path("admin/second-step/codes/", second_pages.recovery_codes, name="recovery_codes"),
    path("admin/oidc/", oidc_begin, name="oidc_begin"),
    path("admin/oidc/back/", oidc_back, name="oidc_back"),
    path("admin/security/", admin.site.admin_view(own_security), name="own_security"),
    path("admin/", admin.site.urls),
]

handler404 = "acteon_site.http.error_handler.page_not_found"
handler500 = "acteon_site.http.error_handler.server_error"
handler400 = "acteon_site.http.error_handler.bad_request"
