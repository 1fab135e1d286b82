"""JSON in and out for DRF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from acteon_site.base.errors import AppError
from acteon_site.http import strict_json
from acteon_site.http.headers import is_json


class StrictJSONParser(BaseParser):
    """The contract's JSON; bodies over the limit answer 413 before they are read."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise AppError(f"the body is larger than {settings.MAX_BODY_BYTES} bytes", "TOO_LARGE", 413)
        if parser_context:
            # Idempotency-Key compares requests by their bytes.
            parser_context["request"]._request.raw_body = raw
        return strict_json.decode(raw) if raw else {}


class AlwaysJSON(BaseContentNegotiation):
    """One representation: it takes JSON, and whatever a client says it accepts, it gets JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        # Asked only where there is a body. One without a kind any page may have a browser send, without a question.
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            message = "a body is read as it is: without Content-Encoding"
            raise AppError(message, "UNSUPPORTED_MEDIA_TYPE", 415, headers={"Accept-Encoding": "identity"})
        return next(iter(parsers)) if is_json(request.content_type or "") else None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or "application/json"


class FastJSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if renderer_context and renderer_context["response"].status_code == 204:
            return b""
        return strict_json.encode(data)
