"""Pages decided by processes side by side. A new one imports this before Django is set up, so it imports none of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from typing import Any

from rules_app.engine import RuleSet
from rules_app.services.past_dispatches import Found, Page, Range, past_dispatches

AHEAD = 2  # pages for each process that wait for the one that replays the gates
Content = dict[str, Any]


def judged_side_by_side(content: Content, asked: Range, pages: list[Page], processes: int) -> Iterator[Found]:
    """What `judged` finds on each page, in order."""
    # Begun anew and not forked: connections and threads of this process are none of theirs.
    with ProcessPoolExecutor(processes, get_context("spawn"), _set_up, (content,)) as pool:
        waiting: deque[Future[Found]] = deque()
        left = iter(pages)
        try:
            while True:
                room = AHEAD * processes - len(waiting)
                waiting.extend(pool.submit(_judged, asked, page) for page in islice(left, room))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Own:
    """Of a process that decides pages."""

    rules: RuleSet | None = None


_own = _Own()


def _set_up(content: Content) -> None:
    import django

    django.setup()
    from rules_app.selectors import rules_of_content

    _own.rules = rules_of_content(content)


def _judged(asked: Range, page: Page) -> Found:
    assert _own.rules is not None  # noqa: S101 - the pool has set it up
    return past_dispatches().judged(_own.rules, asked, page)
