"""Callers that a process remembers: whether their keys still stand is asked before anything is done for them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from acteon_site.base.principals import Principal


class Standing(Protocol):
    """Who knows it. Alone by `now`, or by `asking` in a statement together with other questions, read by `found`."""

    def now(self, callers: Collection[Principal]) -> set[Principal]:
        """Those of these whose key stands, its role and scope unchanged."""
        ...

    def asking(self, callers: Collection[Principal]) -> tuple[str, list[Any]]:
        """PostgreSQL's expression for them, and its parameters."""
        ...

    def found(self, callers: Collection[Principal], told: Any) -> set[Principal]:
        """Those of these that are among what that expression came to."""
        ...

    def forget(self, caller: Principal) -> None:
        """Its key no longer stands as it was."""
        ...
