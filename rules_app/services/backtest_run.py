"""Computing a backtest: pages decided side by side, gates replayed by one process, all of it read, nothing locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

import structlog

from acteon_site.base.breathing import breathe
from acteon_site.base.errors import AppError
from rules_app.backtesting import Listed, Replay, Tally
from rules_app.backtesting.replay import memory_of
from rules_app.engine import RuleSet
from rules_app.engine.counters import moment_of
from rules_app.models import Backtest, BacktestOrder, RuleSetVersion
from rules_app.selectors import rules_of_content
from rules_app.services.backtest_pool import judged_side_by_side
from rules_app.services.backtests import backtest_claim, backtest_fail, backtest_finish, backtest_progress
from rules_app.services.past_dispatches import Found, Page, Range, past_dispatches

log = structlog.get_logger()
TELL_SECONDS = 1.0
FIRST_DAY = datetime(1, 1, 2, tzinfo=UTC)
WORTH_PROCESSES = 10  # pages: fewer are decided by the time that others have begun
Told = Callable[[int, int], None]


class StoppedError(Exception):
    """The backtest was removed, or another process has it now."""


def backtest_run(pk: UUID, *, processes: int = 1, told: Told | None = None) -> bool:
    """Compute it, where it is due and nobody else does. False where there was nothing to do or it was taken away.

    What goes wrong ends it as failed, with words for people; a fault of the program is raised besides.
    """
    backtest = backtest_claim(pk)
    if backtest is None:
        return False
    try:
        return _computed(backtest, processes, told)
    except StoppedError:
        return False
    except AppError as error:
        backtest_fail(backtest, problem=error.message)
        return False
    except Exception as error:
        backtest_fail(
            backtest, problem=f"it could not be computed ({type(error).__name__}); the log says more"
        )
        raise


def _computed(backtest: Backtest, processes: int, told: Told | None) -> bool:
    rules = rules_of_content(backtest.content)
    asked = _range(backtest, rules)
    pages = list(past_dispatches().pages(asked))
    total, done, releases = sum(page.size for page in pages), 0, 0
    replay, tally, pace = Replay(rules), Tally(), _Pace(backtest, told)
    pace.tell(done, total, now=True)
    for page, found in zip(pages, _all_judged(backtest.content, rules, asked, pages, processes), strict=True):
        for past in found.pasts:
            tally.add(past, replay.send(past))
            breathe()
        releases, done = releases + found.releases, done + page.size
        pace.tell(done, total)
    summary = {**tally.summary(), "releases": releases}
    return backtest_finish(backtest, summary=summary, orders=_orders(backtest, tally), total=total)


def _range(backtest: Backtest, rules: RuleSet) -> Range:
    memory = timedelta(seconds=memory_of(rules, _same_all_along(backtest)))
    warms = max(backtest.begins_at, FIRST_DAY + memory) - memory
    return Range(warms, backtest.begins_at, backtest.ends_at, backtest.namespace, backtest.tenant)


def _same_all_along(backtest: Backtest) -> int:
    """How many rules, from the top, are those that were in force the whole time."""
    versions = RuleSetVersion.objects.filter(created_at__lte=backtest.begins_at)
    newest = versions.filter(number=backtest.newest).first() if backtest.newest else None
    if newest is None or newest.content["default_timezone"] != backtest.content["default_timezone"]:
        return 0
    pairs = zip(newest.content["rules"], backtest.content["rules"], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(slots=True)
class _Pace:
    """Tells how far it is about once a second, and stops a computation that is nobody's any more."""

    backtest: Backtest
    told: Told | None
    _last: float = 0.0

    def tell(self, done: int, total: int, *, now: bool = False) -> None:
        if self.told:
            self.told(done, total)
        if not now and time.monotonic() - self._last < TELL_SECONDS:
            return
        self._last = time.monotonic()
        if not backtest_progress(self.backtest, done=done, total=total):
            raise StoppedError


def _all_judged(
    content: dict[str, Any], rules: RuleSet, asked: Range, pages: list[Page], processes: int
) -> Iterator[Found]:
    if processes > 1 and len(pages) >= WORTH_PROCESSES:
        yield from judged_side_by_side(content, asked, pages, processes)
        return
    source = past_dispatches()
    yield from (source.judged(rules, asked, page) for page in pages)


def _orders(backtest: Backtest, tally: Tally) -> Iterator[BacktestOrder]:
    orders = past_dispatches().orders([found.past.row for found in tally.listed if found.past.row])
    for position, found in enumerate(tally.listed):
        yield _order(backtest, position, found, orders.get(found.past.row))


def _order(backtest: Backtest, position: int, found: Listed, order: str | None) -> BacktestOrder:
    past, would = found.past, found.would
    return BacktestOrder(
        backtest=backtest,
        position=position,
        how=found.how,
        note=found.note,
        namespace=past.namespace,
        tenant=past.tenant,
        action_type=past.action_type,
        action_id=past.action_id,
        record_id=past.record,
        order_id=order,
        at=moment_of(past.at),
        from_outcome=past.outcome,
        to_outcome="" if would.unknown else would.outcome,
        from_rule=past.rule,
        to_rule="" if would.unknown else would.rule,
        answer_unknown=would.answer_unknown,
        amount=past.amount,
        currency=past.currency,
    )
