"""Headers that mean one thing only."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.utils.http import parse_header_parameters

from acteon_site.base.errors import AppError, FieldProblem

Header = tuple[bytes, bytes]

_UTF_8 = ("utf-8", "utf8", "us-ascii")
# Those with one value that something here reads. Django would join two of them with a comma.
SINGLE = frozenset(
    (
        b"authorization",
        b"content-encoding",
        b"content-type",
        b"idempotency-key",
        b"last-event-id",
        b"origin",
        b"referer",
        b"sec-fetch-site",
        b"x-api-key",
        b"x-csrftoken",
        b"x-demo-now",
        b"x-forwarded-proto",
        b"x-request-id",
    )
)


def each_once(headers: Iterable[Header]) -> list[Header]:
    """Two equal headers of a kind with one value as one. Raises 400, which names it, where they differ."""
    first: dict[bytes, bytes] = {}
    kept: list[Header] = []
    for name, value in headers:
        if name not in first:
            kept.append((name, value))
        elif first[name] != value:
            raise _twice(name.decode())
        if name in SINGLE:
            first.setdefault(name, value)
    return kept


@lru_cache(maxsize=256)
def is_json(content_type: str) -> bool:
    """Whether a body with this Content-Type may be read as JSON in UTF-8."""
    kind, parameters = parse_header_parameters(content_type)
    return kind == "application/json" and parameters.get("charset", "utf-8").lower() in _UTF_8


def _twice(name: str) -> AppError:
    message = "comes twice, with different values"
    return AppError(f"the header {name} {message}", "MALFORMED", 400, details=[FieldProblem(name, message)])
