"""The secrets seen in this request or task, so that its log lines can be blanked too. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType

MOST = 200

# Never changed in place: other contexts may hold the same mapping.
_seen: ContextVar[Mapping[str, str]] = ContextVar("seen_secrets", default=MappingProxyType({}))


def seen_secrets() -> Mapping[str, str]:
    """Spelling to placeholder, the newest MOST."""
    return _seen.get()


def note_seen(spellings: Iterable[str], mark: str) -> None:
    seen = {**_seen.get(), **dict.fromkeys(spellings, mark)}
    for oldest in list(seen)[: max(0, len(seen) - MOST)]:
        del seen[oldest]
    _seen.set(seen)
