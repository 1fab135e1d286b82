"""Access tokens that a process keeps while they are good, each fetched once however many calls want it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

# A token on its way must still be good when it arrives.
MARGIN_SECONDS = 30.0
# Of one that does not say how long it lives.
USUAL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Token:
    """`lives` in seconds from when it was asked for; None where its maker did not say."""

    text: str = field(repr=False)
    lives: float | None = None


@dataclass(slots=True)
class _Place:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    text: str = field(default="", repr=False)
    good_until: float = 0.0


class Tokens:
    """By what a token was asked for with, its secret included: after a change of it another one is fetched.

    Everything here runs on one loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: dict[tuple[str, ...], _Place] = {}

    async def get(
        self, wanted: tuple[str, ...], fetch: Callable[[], Awaitable[Token]], not_this: str = ""
    ) -> tuple[str, bool]:
        """A good token, and whether it was fetched for this. `not_this` was refused: it is given to nobody again."""
        place = self._places.setdefault(wanted, _Place())
        async with place.lock:
            if place.text and place.text != not_this and self._clock() < place.good_until:
                return place.text, False
            place.text, asked_at = "", self._clock()
            token = await fetch()
            place.text, place.good_until = token.text, asked_at + _kept(token)
            self._forget_old()
            return token.text, True

    def _forget_old(self) -> None:
        now = self._clock()
        for wanted, place in list(self._places.items()):
            if place.good_until < now and not place.lock.locked():
                del self._places[wanted]


def _kept(token: Token) -> float:
    lives = USUAL_SECONDS if token.lives is None else token.lives
    return max(lives - min(MARGIN_SECONDS, lives / 10), 0.0)
