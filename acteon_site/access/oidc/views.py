"""The two pages of a sign-in by the identity provider: there, and back."""

from __future__ import annotations

import secrets
from dataclasses import asdict

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from acteon_site.access.half_signed import first_step_done, own_page
from acteon_site.access.oidc.accounts import person_from
from acteon_site.access.oidc.provider import Asked, OidcError, claims_for, is_set_up, question_url
from acteon_site.base.connections import release_connections

KEY = "oidc"
SECONDS = 600
REFUSED = "You could not be signed in. If it stays so, ask an administrator whether you have an account here."
log = structlog.get_logger(__name__)


@require_GET
@never_cache
def oidc_begin(request: HttpRequest) -> HttpResponse:
    """To the provider, with what has to come back kept in this browser's session."""
    if not is_set_up():
        raise Http404
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    asked = Asked(state, nonce, verifier, request.build_absolute_uri(reverse("oidc_back")))
    following = own_page(request, request.GET.get(REDIRECT_FIELD_NAME, ""))
    request.session[KEY] = {"asked": asdict(asked), "at": timezone.now().timestamp(), "following": following}
    try:
        return HttpResponseRedirect(question_url(asked))
    except OidcError as error:
        return _refused(request, error)


@require_GET
@never_cache
def oidc_back(request: HttpRequest) -> HttpResponse:
    """From the provider. What was kept is good once: an answer that comes again finds nothing."""
    if not is_set_up():
        raise Http404
    kept = request.session.pop(KEY, None)
    request.session.save()  # before anything else: two that come at once must not both find it
    try:
        if not kept or timezone.now().timestamp() - kept["at"] > SECONDS:
            raise OidcError("nothing was asked from this browser, or too long ago")
        asked = Asked(**kept["asked"])
        if not constant_time_compare(request.GET.get("state", ""), asked.state):
            raise OidcError("the state is another one")
        if not (code := request.GET.get("code", "")):
            raise OidcError(f"the provider refuses: {request.GET.get('error', '')[:100]!r}")
        release_connections()  # the provider is asked now
        user = person_from(claims_for(code, asked))
    except OidcError as error:
        return _refused(request, error)
    proved = bool(settings.OIDC_PROVES_TWO_STEPS)
    return HttpResponseRedirect(
        first_step_done(request, user, how="oidc", following=kept["following"], proves_both=proved)
    )


def _refused(request: HttpRequest, error: OidcError) -> HttpResponse:
    log.warning("oidc_refused", reason=str(error))
    messages.error(request, REFUSED)
    return HttpResponseRedirect(reverse("admin:login"))
