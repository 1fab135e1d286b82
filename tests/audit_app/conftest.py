"""What the audit tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from tests.audit_app.serving import Service, serving

HERE = Path(__file__).parent
CALLER = Source("key:shop", "api_key", "req-1")
SHOP = Subject("ecommerce", "acme-store", "payment-gateway", "place_order", "order-1")
STRANGER = Subject("ecommerce", "other-store", "payment-gateway", "place_order", "order-9")


def note(subject: Subject = SHOP, *, outcome: str = "executed", verdict: str = "allow", **more: Any) -> None:
    """One dispatch that left its row and its event."""
    with transaction.atomic():
        journal = Journal(CALLER)
        journal.audit(subject, outcome=outcome, verdict=verdict, **more)
        journal.event("action_dispatched", subject, outcome={"Executed": {}}, provider=subject.provider)
        journal.write()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture
def in_threads() -> Callable[[list[Callable[[], Any]]], list[Any]]:
    """Run all at once, each with a database connection of its own."""

    def run(jobs: list[Callable[[], Any]]) -> list[Any]:
        def job(work: Callable[[], Any]) -> Any:
            try:
                return work()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(job, jobs))

    return run
