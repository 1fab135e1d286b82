"""`webhook`: one HTTP request per call.

The rendered payload is the body, as JSON or as a form; GET and DELETE carry it in the query instead. With
`envelope: true` it is wrapped as {"action_type", "namespace", "tenant", "payload"}. Every request carries
Idempotency-Key. Redirects are refused.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from acteon_site.base.errors import FieldProblem
from chains_app import templating
from chains_app.definitions.reader import Problems, Reader
from chains_app.providers import encoding, oauth, request_hmac, statuses
from chains_app.providers.base import SERIALIZATION, Answer, Call, ProviderError, ProviderSettings, Runs
from chains_app.providers.exchange import MAX_ANSWER_BYTES, Terms, exchange, judged, response_to
from chains_app.providers.reading import Response
from chains_app.providers.requests import HttpRequest, address_of, joined, whole_query
from chains_app.providers.signing import signature_headers
from chains_app.providers.webhook_checks import (
    FORMATS,
    IN_QUERY,
    METHODS,
    check_headers,
    check_mapping,
    check_no_body,
    check_signing_keys,
    check_sizes,
    check_url,
)

MAX_REQUEST_BYTES = 1024 * 1024
# Longer ones are refused by many servers, some of which cut them.
MAX_QUERY_BYTES = 16 * 1024
CHECKS = (
    *(check_no_body, check_headers, check_signing_keys, check_sizes, check_mapping),
    *(statuses.check_statuses, oauth.check_oauth, request_hmac.check_hmac),
)


class WebhookKind:
    name = "webhook"
    repeatable = True
    runs = Runs.ON_LOOP
    config_keys = statuses.KEYS | {
        *("url", "method", "format", "envelope", "response_mapping"),
        *("max_request_bytes", "max_response_bytes"),
        *("oauth", "hmac"),
    }
    secret_keys = frozenset(
        ("secret_url", "headers", "signing_key", "signing_keys", oauth.SECRET, request_hmac.SECRET)
    )

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        problems = Problems()
        reader = Reader({**config, **secrets}, "", self.config_keys | self.secret_keys, problems)
        check_url(reader, "secret_url" if reader.has("secret_url") else "url")
        if reader.has("url") and reader.has("secret_url"):
            reader.problem("secret_url", "stands beside url; keep one of them (secret_url: null forgets it)")
        reader.choice("method", METHODS, "POST")
        reader.choice("format", FORMATS, "json")
        reader.flag("envelope")
        for check in CHECKS:
            check(reader)
        return problems.found

    async def call(self, settings: ProviderSettings, call: Call) -> Answer:
        config = settings.config
        request = _request(settings, call)
        terms = Terms(statuses.statuses_of(config), config.get("max_response_bytes", MAX_ANSWER_BYTES))
        answer = await _answer(settings, request, call.timeout_seconds, terms)
        return replace(answer, body=_mapped(answer.body, config.get("response_mapping", {})))


async def _answer(settings: ProviderSettings, request: HttpRequest, seconds: float, terms: Terms) -> Answer:
    if "oauth" not in settings.config:
        return await exchange(request, seconds, terms)

    def with_token(token: str, left: float) -> Coroutine[Any, Any, Response]:
        headers = joined(request.headers, {"Authorization": f"Bearer {token}"})
        return response_to(replace(request, headers=headers), left, terms.max_bytes)

    response, token = await oauth.signed_in(settings, seconds, with_token)
    try:
        return judged(response, terms)
    except ProviderError as error:
        raise oauth.without(error, token) from None


def _request(settings: ProviderSettings, call: Call) -> HttpRequest:
    method = settings.config.get("method", "POST")
    url = settings.secrets.get("secret_url") or settings.config["url"]
    query, content, type_of_body = b"", b"", {}
    if method in IN_QUERY:
        query = _query(url, settings, call)
    else:
        content, type_of_body["Content-Type"] = _content(settings, call)
    headers = joined(
        {"User-Agent": "acteon-order-gateway", "Accept": "application/json", "Accept-Encoding": "identity"},
        type_of_body,
        settings.secrets.get("headers", {}),
        {"Idempotency-Key": call.idempotency_key},
        call.trace,
        _signature(settings, call, content),
    )
    request = HttpRequest(method, url, headers, content, query)
    return replace(request, headers=request_hmac.signed_request(settings, request))


def _query(url: str, settings: ProviderSettings, call: Call) -> bytes:
    """The payload for the query, behind what the address's own says already."""
    query = encoding.encode_form(_payload(settings, call))
    _check_size(whole_query(address_of(url), query), min(MAX_QUERY_BYTES, _largest(settings)))
    return query


def _content(settings: ProviderSettings, call: Call) -> tuple[bytes, str]:
    """The body and its type. A form is chosen by `format`, or by a configured Content-Type header."""
    payload = _payload(settings, call)
    form = _is_form(settings)
    content = encoding.encode_form(payload) if form else encoding.encode_json(payload)
    _check_size(content, _largest(settings))
    return content, encoding.FORM if form else encoding.JSON


def _payload(settings: ProviderSettings, call: Call) -> Mapping[str, Any]:
    if not settings.config.get("envelope"):
        return call.payload
    return {
        "action_type": call.action_type,
        "namespace": call.namespace,
        "tenant": call.tenant,
        "payload": call.payload,
    }


def _largest(settings: ProviderSettings) -> int:
    return int(settings.config.get("max_request_bytes", MAX_REQUEST_BYTES))


def _check_size(content: bytes, largest: int) -> None:
    if len(content) > largest:
        message = (
            f"the request would carry {len(content)} bytes, more than the {largest} allowed; it was not sent"
        )
        raise ProviderError(SERIALIZATION, message)


def _is_form(settings: ProviderSettings) -> bool:
    if "format" in settings.config:
        return bool(settings.config["format"] == "form")
    headers: Mapping[str, str] = settings.secrets.get("headers", {})
    types = [value for name, value in headers.items() if name.lower() == "content-type"]
    return any(value.split(";")[0].strip().lower() == encoding.FORM for value in types)


def _signature(settings: ProviderSettings, call: Call, content: bytes) -> dict[str, str]:
    alone = settings.secrets.get("signing_key")
    keys = settings.secrets.get("signing_keys") or ([alone] if alone else [])
    if not keys:
        return {}
    return signature_headers(keys, call.idempotency_key, int(time.time()), content)


def _mapped(body: dict[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """The body and, under the names of the mapping, what stands at their paths; null where nothing does."""
    found = {name: templating.lookup(body, path) for name, path in mapping.items()}
    return {**body, **{name: None if value is templating.MISSING else value for name, value in found.items()}}
