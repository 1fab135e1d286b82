"""Headers that mean one thing only."""

from __future__ import annotations

from collections.abc import Iterable

from acteon_site.base.errors import AppError, FieldProblem

Header = tuple[bytes, bytes]

# Those with one value that something here reads. Django would join two of them with a comma.
SINGLE = frozenset(
    (
        b"authorization",
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


def _twice(name: str) -> AppError:
    message = "comes twice, with different values"
    return AppError(f"the header {name} {message}", "MALFORMED", 400, details=[FieldProblem(name, message)])
