"""Signing in with OAuth 2 client credentials: a token from the token address, kept while it is good (RFC 6749, 4.4)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from chains_app.definitions.reader import Reader
from chains_app.providers.base import CONFIGURATION, TIMEOUT, ProviderError, ProviderSettings
from chains_app.providers.encoding import FORM, encode_form
from chains_app.providers.exchange import exchange
from chains_app.providers.own import own
from chains_app.providers.reading import Response
from chains_app.providers.requests import HttpRequest
from chains_app.providers.tokens import Token
from chains_app.providers.webhook_checks import check_url

KEYS = ("token_url", "client_id", "scope", "audience", "client_auth")
CLIENT_AUTH = ("basic", "body")
SECRET = "oauth_client_secret"  # noqa: S105 - the name of a key
REFUSED = 401


async def signed_in(
    settings: ProviderSettings, seconds: float, send: Callable[[str, float], Awaitable[Response]]
) -> tuple[Response, str]:
    """What `send(token, seconds)` comes to, within the seconds, and the token. One that was kept and is refused with
    401 is replaced, and the request sent once more: who is refused has done nothing. One that is new is not."""
    ends = asyncio.get_running_loop().time() + seconds
    token, is_new = await _token(settings, seconds)
    response = await send(token, _left(ends))
    if response.status != REFUSED or is_new:
        return response, token
    token, _ = await _token(settings, _left(ends), not_this=token)
    return await send(token, _left(ends)), token


def without(error: ProviderError, token: str) -> ProviderError:
    """The same error, without the token where the peer has repeated it."""
    return replace(error, message=error.message.replace(token, "[secret]"))


def check_oauth(reader: Reader) -> None:
    terms = reader.raw("oauth")
    if terms is None:
        if reader.has(SECRET):
            reader.problem(SECRET, "needs oauth: {token_url, client_id} beside it")
        return
    inner = Reader(terms, "oauth", KEYS, reader.problems)
    check_url(inner, "token_url")
    if not inner.text("client_id"):
        inner.problem("client_id", "is required")
    for key in ("scope", "audience"):
        inner.text(key)
    inner.choice("client_auth", CLIENT_AUTH, "basic")
    if not reader.text(SECRET):
        reader.problem(SECRET, "is required with oauth")
    headers = reader.raw("headers")
    if isinstance(headers, Mapping) and "authorization" in {str(name).lower() for name in headers}:
        reader.problem(
            "headers.Authorization", "stands beside oauth, which makes this header; keep one of them"
        )


async def _token(settings: ProviderSettings, seconds: float, not_this: str = "") -> tuple[str, bool]:
    terms, secret = settings.config["oauth"], settings.secrets[SECRET]
    wanted = (*(str(terms.get(key, "")) for key in KEYS), secret)

    async def fetch() -> Token:
        return await _fetched(terms, secret, seconds)

    try:
        async with asyncio.timeout(seconds):  # also for who waits for another's token
            return await own().tokens.get(wanted, fetch, not_this)
    except TimeoutError:
        raise ProviderError(TIMEOUT, "no sign-in at the token address in time", retryable=True) from None


async def _fetched(terms: Mapping[str, Any], secret: str, seconds: float) -> Token:
    """Whatever goes wrong here, the call itself was not sent."""
    try:
        said = (await exchange(_request(terms, secret), seconds)).body
    except ProviderError as error:
        message = f"signing in at the token address failed: {error.message}"
        raise ProviderError(error.code, message, error.retryable, retry_after=error.retry_after) from None
    text, kind, lives = said.get("access_token"), said.get("token_type", "bearer"), said.get("expires_in")
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise ProviderError(CONFIGURATION, "the token address answers without an access_token")
    if str(kind).lower() != "bearer":
        raise ProviderError(CONFIGURATION, "the token address answers with a token that is no bearer token")
    return Token(text, _seconds(lives))


def _seconds(lives: Any) -> float | None:
    """Some send the number as text."""
    try:
        return min(max(float(lives), 0.0), 86_400.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _request(terms: Mapping[str, Any], secret: str) -> HttpRequest:
    form: dict[str, Any] = {"grant_type": "client_credentials"}
    form.update({key: terms[key] for key in ("scope", "audience") if terms.get(key)})
    headers = {"Content-Type": FORM, "Accept": "application/json"}
    if terms.get("client_auth", "basic") == "body":
        form.update(client_id=terms["client_id"], client_secret=secret)
    else:
        pair = f"{quote_plus(terms['client_id'])}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return HttpRequest("POST", terms["token_url"], headers, encode_form(form))


def _left(ends: float) -> float:
    return max(ends - asyncio.get_running_loop().time(), 0.001)
