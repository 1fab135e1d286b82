"""The secrets met in this request or task, so that its log lines can be blanked too. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType

MOST = 200

# Never changed in place: other contexts may hold the same mapping.
_met: ContextVar[Mapping[str, str]] = ContextVar("met_secrets", default=MappingProxyType({}))


def met_secrets() -> Mapping[str, str]:
    """Spelling to placeholder, the newest MOST."""
    return _met.get()


def note_met(spellings: Iterable[str], mark: str) -> None:
    met = {**_met.get(), **dict.fromkeys(spellings, mark)}
    for oldest in list(met)[: max(0, len(met) - MOST)]:
        del met[oldest]
    _met.set(met)
