"""What browsers may do with our answers: run our own scripts, and nothing that somebody has smuggled into a page.

docs/decisions/pages.md says why each source that is allowed has to be.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

# Of the inline styles that come with libraries: Unfold's colours and one of its lists, drf-spectacular's page.
# tests/acteon_site/http/test_pages.py names the new ones where a release changes them.
UNFOLD_STYLES = ("'sha256-WFKwiM+y88EJTqihvpNt3aJek2CGZQ/9+CB3CK4rT+M='",)
SWAGGER_STYLES = ("'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='",)

_NOBODY = {"base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
_OURS = {"default-src": "'none'", "style-src": "'self'", "img-src": "'self' data:"} | _NOBODY
DATA = {"default-src": "'none'"} | _NOBODY
PAGE = _OURS | {"form-action": "'self'"}
SWAGGER = _OURS | {
    "script-src": "'self'",
    "connect-src": "'self'",
    "style-src": " ".join(("'self'", *SWAGGER_STYLES)),
}
ADMIN = PAGE | {
    # Alpine, on which Unfold's pages are built, evaluates their expressions as text.
    "script-src": "'self' 'unsafe-eval'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "style-src": " ".join(("'self'", *UNFOLD_STYLES)),
    "style-src-attr": "'unsafe-inline'",
}
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
    )
)


def written(policy: dict[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


_BY_PATH = {"/admin/": written(ADMIN), "/swagger-ui/": written(SWAGGER)}
_PAGE, _DATA = written(PAGE), written(DATA)


def restrain(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the headers that tell a browser so. Referrer-Policy is Django's, by SECURE_REFERRER_POLICY."""
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault("Content-Security-Policy", _DATA)
        return
    policy = next((policy for path, policy in _BY_PATH.items() if request.path_info.startswith(path)), _PAGE)
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
