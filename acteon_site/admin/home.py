"""The admin's home page: the cards that the apps bring, each only for who may see its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from acteon_site.admin.scoped import reader_of
from acteon_site.base.principals import Principal
from acteon_site.base.registry import Registry
from acteon_site.base.replica import is_set, read_whole, replica_state

MOST_COUNTED = 999
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tile:
    """A number on top of the page that leads to its rows. `alert`: "", "ask" (decide) or "alarm" (look)."""

    count: str
    words: str
    url: str
    alert: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A section of the page. `figures` are read by bounded queries, of what that person may see (`narrowed`);
    their key `tiles` holds Tiles.

    `column`: over the whole width, or below in one of two columns. `place` sorts cards, and their tiles.
    """

    name: str
    permission: str
    template: str
    figures: Callable[[Principal], Figures]
    column: Literal["wide", "left", "right"]
    place: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A card, and its figures as of now."""

    card: Card
    figures: Figures


CARDS: Registry[Card] = Registry("card of the home page")


def home(request: HttpRequest) -> dict[str, Any]:
    """What the page shows: `at`, `tiles`, per column what is Shown, and how the `replica` is, where there is one."""
    return {**read_whole(lambda: _cards(request)), "at": timezone.now(), "replica": _replica()}


def _replica() -> str:
    if not is_set():
        return ""
    state = replica_state()
    if state.problem:
        return f"The read replica {state.problem}: lists are read from the primary."
    return "Lists are read from the replica, which has all that the primary has."


def _cards(request: HttpRequest) -> dict[str, Any]:
    cards = sorted(CARDS.values(), key=lambda card: card.place)
    reader = reader_of(request)
    shown = [Shown(card, card.figures(reader)) for card in cards if request.user.has_perm(card.permission)]
    columns: dict[str, list[Shown]] = {"wide": [], "left": [], "right": []}
    for one in shown:
        columns[one.card.column].append(one)
    tiles = [tile for one in shown for tile in one.figures.get("tiles", ())]
    return {"tiles": tiles, **columns}


def bounded_count(rows: QuerySet[Any], most: int = MOST_COUNTED) -> str:
    """How many rows, counted no further than `most`: beyond it stands "999+"."""
    count = rows.order_by()[: most + 1].count()
    return f"{most}+" if count > most else str(count)
