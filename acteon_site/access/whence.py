"""Where a request comes from: which client, whether this machine, whether a page of our own."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from acteon_site.base.proxies import address_of

# Whoever says one of these, or any X-Forwarded-…, passes on what somebody else has sent.
_PASSED_ON = {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}


def client_address(request: HttpRequest) -> str:
    """Whom limits count: the peer, or behind trusted proxies who sent it to them."""
    return settings.TRUSTED_PROXIES.client(_peer(request), request.headers.get("X-Forwarded-For", ""))


def is_local(request: HttpRequest) -> bool:
    """Whether somebody on this machine sent it, to this machine, and no proxy here passed it on."""
    peer = _peer(request)
    if not is_loopback(peer) or settings.TRUSTED_PROXIES.include(peer) or _is_passed_on(request):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return host == "localhost" or is_loopback(host)


def is_from_another_site(request: HttpRequest) -> bool:
    """Whether a browser says that a page of another origin sent it. Browsers name it in one of two ways, or both."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin", own) != own


def is_named_host(request: HttpRequest) -> bool:
    """Whether the address that was asked has a name, and is no bare number."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return address_of(host) is None


def agent_of(request: HttpRequest) -> str:
    """The browser or client, as it calls itself: one line, of at most 200 characters."""
    return "".join(letter for letter in request.headers.get("User-Agent", "") if letter.isprintable())[:200]


def is_loopback(address: str) -> bool:
    parsed = address_of(address)
    return parsed is not None and parsed.is_loopback


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _is_passed_on(request: HttpRequest) -> bool:
    names = [name.lower() for name in request.headers]
    return any(name in _PASSED_ON or name.startswith("x-forwarded-") for name in names)
