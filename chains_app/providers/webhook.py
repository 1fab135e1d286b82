"""`webhook`: one HTTP request per call.

The rendered payload is the body, as JSON or as a form; with `envelope: true` it is wrapped as
{"action_type", "namespace", "tenant", "payload"}. Every request carries Idempotency-Key. 2xx is success;
redirects are refused.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from acteon_site.base.errors import FieldProblem
from chains_app.definitions.reader import Problems, Reader
from chains_app.providers import encoding
from chains_app.providers.base import Answer, Call, ProviderSettings
from chains_app.providers.exchange import exchange

METHODS = ("POST", "PUT", "PATCH")
FORMATS = ("json", "form")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What the request itself decides; a configured value would break it or be lost.
RESERVED_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "idempotency-key")
) | {"webhook-id", "webhook-timestamp", "webhook-signature"}


class WebhookKind:
    name = "webhook"
    repeatable = True
    config_keys = frozenset({"url", "method", "format", "envelope"})
    secret_keys = frozenset({"headers", "signing_key"})

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        problems = Problems()
        reader = Reader({**config, **secrets}, "", self.config_keys | self.secret_keys, problems)
        reader.choice("method", METHODS, "POST")
        reader.choice("format", FORMATS, "json")
        reader.flag("envelope")
        _check_url(reader)
        _check_headers(reader)
        _check_signing_key(reader)
        return problems.found

    def call(self, settings: ProviderSettings, call: Call) -> Answer:
        content, content_type = _content(settings, call)
        headers = httpx.Headers({"User-Agent": "acteon-order-gateway", "Accept": "application/json"})
        headers.update({"Content-Type": content_type, "Accept-Encoding": "identity"})
        headers.update(settings.secrets.get("headers", {}))
        headers.update({"Idempotency-Key": call.idempotency_key})
        headers.update(_signature(settings, call, content))
        method = settings.config.get("method", "POST")
        request = httpx.Request(method, settings.config["url"], headers=headers, content=content)
        return exchange(request, call.timeout_seconds)


def _content(settings: ProviderSettings, call: Call) -> tuple[bytes, str]:
    """The body and its type. A form is chosen by `format`, or by a configured Content-Type header."""
    payload: Mapping[str, Any] = call.payload
    if settings.config.get("envelope"):
        payload = {
            "action_type": call.action_type,
            "namespace": call.namespace,
            "tenant": call.tenant,
            "payload": payload,
        }
    if _is_form(settings):
        return encoding.encode_form(payload), encoding.FORM
    return encoding.encode_json(payload), encoding.JSON


def _is_form(settings: ProviderSettings) -> bool:
    if "format" in settings.config:
        return bool(settings.config["format"] == "form")
    headers: Mapping[str, str] = settings.secrets.get("headers", {})
    types = [value for name, value in headers.items() if name.lower() == "content-type"]
    return any(value.split(";")[0].strip().lower() == encoding.FORM for value in types)


def _signature(settings: ProviderSettings, call: Call, content: bytes) -> dict[str, str]:
    secret = settings.secrets.get("signing_key")
    if not secret:
        return {}
    now = int(time.time())
    return {
        "webhook-id": call.idempotency_key,
        "webhook-timestamp": str(now),
        "webhook-signature": encoding.webhook_signature(secret, call.idempotency_key, now, content),
    }


def _check_url(reader: Reader) -> None:
    url = reader.raw("url")
    if not isinstance(url, str) or not url:
        reader.problem("url", "is required")
        return
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        reader.problem("url", "is no URL")
        return
    if parsed.scheme not in ("http", "https") or not parsed.host:
        reader.problem("url", "must begin with https:// (or http://) and name a host")
    if parsed.userinfo:
        reader.problem("url", "must hold no user name or password; put an Authorization header into headers")


def _check_headers(reader: Reader) -> None:
    headers = reader.raw("headers")
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        reader.problem("headers", "must be an object of header names and values")
        return
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(str(name)):
            reader.problem("headers", f'"{name}" is no header name')
        elif str(name).lower() in RESERVED_HEADERS:
            reader.problem(f"headers.{name}", "is set by the gateway itself")
        elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
            reader.problem(f"headers.{name}", "must be printable ASCII text")


def _check_signing_key(reader: Reader) -> None:
    secret = reader.raw("signing_key")
    if secret is None:
        return
    try:
        if not isinstance(secret, str) or len(encoding.signing_key(secret)) < 16:
            reader.problem("signing_key", "must be text of at least 16 bytes")
    except ValueError as error:
        reader.problem("signing_key", str(error))
