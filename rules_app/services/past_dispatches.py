"""Where the dispatches of the past come from. Known above this app, which lists here who knows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acteon_site.base.registry import Registry
from rules_app.backtesting import Past
from rules_app.engine import RuleSet


@dataclass(frozen=True, slots=True)
class Range:
    """From `begins` (included) to `ends`; `*`: all namespaces or tenants. What came since `warms` fills the gates."""

    warms: datetime
    begins: datetime
    ends: datetime
    namespace: str = "*"
    tenant: str = "*"

    @property
    def scope(self) -> dict[str, str]:
        """As filters of a queryset."""
        named = {"namespace": self.namespace, "tenant": self.tenant}
        return {name: value for name, value in named.items() if value != "*"}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the trail behind the place `after` (time and id) up to `last`, about `size` of them."""

    after: tuple[datetime, str] | None
    last: tuple[datetime, str] | None
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """The dispatches of a page in their order, and how many releases of holds stand beside them."""

    pasts: list[Past]
    releases: int


class PastDispatches(Protocol):
    """`name` is that of the entry in the table."""

    name: str

    def pages(self, asked: Range) -> Iterator[Page]:
        """In order; together all rows of the range."""

    def judged(self, rules: RuleSet, asked: Range, page: Page) -> Found:
        """The page's dispatches as these rules decide them. Short reads, and nothing is locked."""

    def orders(self, rows: Collection[str]) -> Mapping[str, str]:
        """The ids of the orders by those of their actions' rows."""


PAST_DISPATCHES: Registry[PastDispatches] = Registry("source of past dispatches")


def past_dispatches() -> PastDispatches:
    """The one that is there."""
    return next(iter(PAST_DISPATCHES.values()))
