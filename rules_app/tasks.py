"""Celery's door into backtests."""

from __future__ import annotations

from celery import shared_task

from rules_app.services.backtest_process import backtests_begin


@shared_task(name="rules_app.backtest")
def backtest() -> None:
    backtests_begin()
