"""What `manage.py doctor` looks at of orders that are held."""

from __future__ import annotations

from collections.abc import Iterator

from acteon_site.base.findings import Checkup, Finding, by_age, ok, state_by_wait, warn
from orders_app.metrics import approvals_expiring, holds_oldest_due_seconds, refunds_in_doubt

OVERDUE = (30.0, 300.0)  # seconds


def queue() -> Iterator[Finding]:
    todo = "Look at workers and scheduler first; the page Waiting orders in the admin names what keeps a release."
    yield by_age("orders whose time has come", holds_oldest_due_seconds(), OVERDUE, todo)


def approvals() -> Iterator[Finding]:
    expiring = approvals_expiring()
    if expiring:
        yield warn(
            f"{expiring} approvals have less than a quarter of their time left",
            "Decide them: Approvals in the admin.",
        )
    else:
        yield ok("none is about to expire unanswered")


def refunds() -> Iterator[Finding]:
    doubted = refunds_in_doubt()
    if doubted:
        yield warn(
            f"of {doubted} refunds nobody knows whether they were paid, and nobody asks any more",
            "Look into the payment provider's books, then settle each on its page: It was paid, It was not paid.",
        )
    else:
        yield ok("none was given up in doubt")


def releases_status() -> str:
    return state_by_wait(holds_oldest_due_seconds())


CHECKUPS = (Checkup("releases", queue), Checkup("approvals", approvals), Checkup("refunds", refunds))
