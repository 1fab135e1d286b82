"""GET /openapi.json and /api-doc/openapi.json: the API's description, made once in each process."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import condition
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.views import APIView

from acteon_site.base.per_process import PerProcess
from acteon_site.http import strict_json

FRESH_SECONDS = 300


def _described() -> tuple[bytes, str]:
    """The description, and its ETag."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    body = strict_json.encode(schema)
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


# It takes a quarter of a second, and whoever asks need be nobody we know, nor alone.
described = PerProcess(_described)


def _etag(request: HttpRequest) -> str:
    return described.get()[1]


class OpenApiDocument(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    @method_decorator(condition(etag_func=_etag))
    def get(self, request: Request) -> HttpResponse:
        answer = HttpResponse(described.get()[0], content_type="application/vnd.oai.openapi+json")
        answer.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        return answer
