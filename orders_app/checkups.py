"""What `manage.py doctor` looks at of orders that are held."""

from __future__ import annotations

from collections.abc import Iterator

from acteon_site.base.findings import Checkup, Finding, by_age, ok, state_by_wait, warn
from orders_app.metrics import approvals_expiring, holds_oldest_due_seconds, refunds_in_doubt
from orders_app.services.recurring.overdue import recurring_oldest_due_seconds, recurring_problems

OVERDUE = (30.0, 300.0)  # seconds
MOST_NAMED = 5


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


def recurring() -> Iterator[Finding]:
    todo = "Look at workers and scheduler; what is due is fired once they run, as each one's `missed` says."
    yield by_age("recurring actions that are due", recurring_oldest_due_seconds(), OVERDUE, todo)
    for row in recurring_problems(MOST_NAMED):
        yield warn(
            f"recurring action {row.name} of {row.namespace}/{row.tenant}: {row.problem}",
            "It is tried again by itself; its page in the admin says since when.",
        )


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


CHECKUPS = (
    Checkup("releases", queue),
    Checkup("approvals", approvals),
    Checkup("recurring", recurring),
    Checkup("refunds", refunds),
)
