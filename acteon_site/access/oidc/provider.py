"""What the identity provider is asked, and whether what it says is true.

joserfc checks signatures and claims; it and httpx are imported where they are used.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from acteon_site.access.whence import is_loopback

SECONDS = 10.0
KEPT_SECONDS = 3600.0
LEEWAY_SECONDS = 60
MOST_BYTES = 512 * 1024
ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
]
_kept: dict[str, tuple[float, Any]] = {}


class OidcError(Exception):
    """Why nobody is signed in; for the log, never for the browser."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes along with a question, and has to come back."""

    state: str
    nonce: str
    verifier: str
    back: str


def is_set_up() -> bool:
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)


def question_url(asked: Asked) -> str:
    """Where the browser goes to prove who its person is."""
    digest = sha256(asked.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": asked.back,
        "scope": " ".join(settings.OIDC_SCOPES),
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    address = _address(_about_provider(), "authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def claims_for(code: str, asked: Asked) -> Mapping[str, Any]:
    """What the provider says of the person, proved. Raises OidcError."""
    about = _about_provider()
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked.back,
        "code_verifier": asked.verifier,
        "client_id": settings.OIDC_CLIENT_ID,
    }
    basic = (settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)
    told = _json("POST", _address(about, "token_endpoint"), data=fields, auth=basic)
    token = told.get("id_token")
    if not isinstance(token, str):
        raise OidcError("the token answer has no id_token")
    return _proved(token, about, asked.nonce)


def _proved(token: str, about: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    claims: dict[str, Any]
    try:
        claims = dict(_decoded(token, about).claims)
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.OIDC_ISSUER},
            aud={"essential": True, "value": settings.OIDC_CLIENT_ID},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise OidcError(f"the id_token does not hold: {type(error).__name__}: {error}") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != settings.OIDC_CLIENT_ID:
        raise OidcError("the id_token was made for another client")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise OidcError("the id_token names nobody")
    return claims


def _decoded(token: str, about: Mapping[str, Any]) -> Any:
    """Keys change now and then: a signature that none of those in memory has made is tried with fresh ones, once."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    address = _address(about, "jwks_uri")
    try:
        return jwt.decode(token, KeySet.import_key_set(_remembered(address)), algorithms=ALGORITHMS)
    except (JoseError, ValueError, KeyError):
        _kept.pop(address, None)
        return jwt.decode(token, KeySet.import_key_set(_remembered(address)), algorithms=ALGORITHMS)


def _about_provider() -> Mapping[str, Any]:
    about: Mapping[str, Any] = _remembered(
        settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration"
    )
    if about.get("issuer") != settings.OIDC_ISSUER:
        raise OidcError("the provider calls itself another issuer than ACTEON_OIDC_ISSUER")
    return about


def _address(about: Mapping[str, Any], name: str) -> str:
    address = about.get(name)
    if not isinstance(address, str):
        raise OidcError(f"the provider names no {name}")
    _require_safe(address)
    return address


def _require_safe(address: str) -> None:
    """Secrets go there and truth comes from there: over TLS, or on this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (
        parts.scheme == "http" and (host == "localhost" or is_loopback(host))
    ):
        raise OidcError(f"{parts.scheme}://{host} is not https")


def _remembered(address: str) -> Any:
    found = _kept.get(address)
    if found is None or found[0] < time.monotonic():
        found = _kept[address] = (time.monotonic() + KEPT_SECONDS, _json("GET", address))
    return found[1]


def _json(method: str, address: str, **sent: Any) -> dict[str, Any]:
    import httpx

    _require_safe(address)
    try:
        answer = httpx.request(method, address, timeout=SECONDS, follow_redirects=False, **sent)
        found = answer.json() if answer.status_code == 200 and len(answer.content) <= MOST_BYTES else None
    except (httpx.HTTPError, ValueError) as error:
        raise OidcError(f"the provider cannot be asked: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise OidcError(f"the provider answers {answer.status_code} to {method} {urlsplit(address).path}")
    return found
