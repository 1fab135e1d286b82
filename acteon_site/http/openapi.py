"""The API's description: hand-written shapes, which drf-spectacular puts beside its knowledge of the paths.

Each app describes its views in `<app>/api/schema/`, so that the views stay thin. Answers are closed objects:
a key that is not described is a fault, which tests/contract/test_openapi.py finds against the living server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)

Schema = dict[str, Any]
Examples = Mapping[str, Any]

# Pieces --------------------------------------------------------------------------------------------------------
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
OBJECT: Schema = {"type": "object", "additionalProperties": True}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
TIME: Schema = {"type": "string", "format": "date-time"}
UUID: Schema = {"type": "string", "format": "uuid"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 256, "pattern": r"^[!-~]([ -~]*[!-~])?$"}
SCOPE_NAME: Schema = NAME | {"pattern": r"^[!-9;-~]([ -9;-~]*[!-9;-~])?$"}

_components: dict[str, Schema] = {}


def enum(*values: Any) -> Schema:
    return {"enum": list(values)}


def array(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, NULL]}


def one_of(*schemas: Schema) -> Schema:
    return {"oneOf": list(schemas)}


def answer(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def body(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with at least these keys; unknown ones are ignored."""
    described = answer(required, optional)
    return {name: value for name, value in described.items() if name != "additionalProperties"}


def page(name: str, item: Schema) -> Schema:
    return answer({name: array(item), "count": INTEGER})


def component(name: str, schema: Schema) -> Schema:
    """Register a shared shape; the answer refers to it."""
    if _components.setdefault(name, schema) != schema:
        raise ValueError(f"two shapes are called {name}")
    return {"$ref": f"#/components/schemas/{name}"}


def components() -> Mapping[str, Schema]:
    return dict(sorted(_components.items()))


# Errors --------------------------------------------------------------------------------------------------------
PROBLEM = component("FieldProblem", answer({"field": TEXT, "message": TEXT}))
ERROR = component(
    "Error",
    answer(
        {
            "error": TEXT,
            "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
            "message": TEXT,
            "retryable": BOOLEAN,
        },
        {"details": array(PROBLEM)},
    ),
)
MEANING: dict[int, tuple[str, str]] = {
    400: ("BAD_QUERY", "Malformed JSON, or a query parameter that is missing or wrong"),
    401: ("UNAUTHENTICATED", "No key or token, or one that is unknown, expired or revoked"),
    403: ("FORBIDDEN", "The key's role or scope does not allow this"),
    404: ("NOT_FOUND", "Not there, or not the caller's to see"),
    409: ("CONFLICT", "The present state does not allow it"),
    410: ("ALREADY_DECIDED", "Somebody decided before"),
    413: ("TOO_LARGE", "The body is over 2 MiB"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The body is no application/json"),
    422: ("VALIDATION", "Well-formed JSON with missing or wrong fields; `details` names them"),
    429: ("RATE_LIMITED", "Too many requests; wait Retry-After seconds"),
    503: ("UNAVAILABLE", "Something needed does not answer; try again after Retry-After seconds"),
}
# What any endpoint that asks for a key may answer, and what any with a body may.
ALWAYS, WITH_BODY = (400, 401, 403, 429, 503), (413, 415, 422)
OPEN = (400, 503)


def error_response(status: int, schema: Schema = ERROR) -> OpenApiResponse:
    code, text = MEANING[status]
    shown = {"error": text, "code": code, "message": text, "retryable": status in (429, 503)}
    if status == 422 and schema is ERROR:
        shown["details"] = [{"field": "payload.total_cents", "message": "is required"}]
    return OpenApiResponse(schema, text, [OpenApiExample(code.lower(), shown)])


# Operations ----------------------------------------------------------------------------------------------------


def query(name: str, schema: Schema, text: str = "", *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, required=required, description=text)


def header(name: str, schema: Schema, text: str = "") -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=text)


SCOPE = (
    query("namespace", SCOPE_NAME, required=True),
    query("tenant", SCOPE_NAME, required=True),
)
OPTIONAL_SCOPE = (query("namespace", SCOPE_NAME), query("tenant", SCOPE_NAME))
PAGE = (
    query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
    query("offset", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0}),
)
_REPLY_HEADERS = (
    OpenApiParameter(
        "Retry-After", {"type": "integer", "minimum": 1}, OpenApiParameter.HEADER, response=[429, 503]
    ),
)


def operation(
    summary: str,
    shape: Schema | None,
    *,
    status: int = 200,
    sends: Schema | None = None,
    sends_examples: Examples | None = None,
    parameters: Sequence[OpenApiParameter] = (),
    errors: Sequence[int] = (),
    examples: Examples | None = None,
    text: str = "",
    is_open: bool = False,
    others: Mapping[Any, OpenApiResponse] | None = None,
) -> Any:
    """One method of a view. `shape` None: an empty body. `others` are further answers, or better described ones."""
    success = OpenApiResponse(shape, "Done" if shape is None else summary, _examples(examples))
    codes = (*(OPEN if is_open else ALWAYS), *(WITH_BODY if sends is not None else ()), *errors)
    return extend_schema(
        summary=summary,
        description=text or None,
        request={"application/json": OpenApiRequest(sends, examples=_examples(sends_examples))}
        if sends is not None
        else None,
        responses={
            (status, "application/json") if shape is not None else status: success,
            **{code: error_response(code) for code in sorted(set(codes))},
            **(others or {}),
        },
        parameters=[*parameters, *_REPLY_HEADERS],
    )


def _examples(examples: Examples | None) -> list[OpenApiExample]:
    return [OpenApiExample(name, value) for name, value in (examples or {}).items()]


class GatewaySchema(AutoSchema):
    """Operation ids from the path, so that they are unique; no guessing of lists."""

    def get_operation_id(self) -> str:
        parts = re.findall(r"[A-Za-z0-9]+", self.path)
        return "_".join([self.method.lower(), *parts])

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and part not in ("v1", "admin")]
        return [parts[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        if not self.view.authentication_classes:
            return []
        return [{"bearer": []}, {"apiKey": []}]

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False
