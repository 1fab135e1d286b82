"""What an approval led to, in words. Only names stand in them, never a value of the order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html

from acteon_site.admin.buttons import ButtonResult
from orders_app.contract.outcomes import Outcome

Content = Mapping[str, Any]


def approval_result(outcome: Outcome | None) -> ButtonResult:
    """`outcome` is the release's; None where the release goes on by itself."""
    if outcome is None:
        return ButtonResult(
            "Approved. Its release cannot be decided just now and is tried again.", messages.WARNING
        )
    return _RESULTS.get(outcome.tag, _other)(outcome.content)


def _executed(content: Content) -> ButtonResult:
    body = content.get("body") or {}
    chain = body.get("chain_name")
    if chain:
        return ButtonResult(f"Approved. The order goes on: the chain {chain} has started.")
    if content.get("status") == "partial":
        return ButtonResult("Approved. The order goes on; the provider has not answered yet.")
    return ButtonResult("Approved. The order was carried out.")


def _chain(content: Content) -> ButtonResult:
    return ButtonResult("Approved. The order goes on: its chain has started.")


def _rerouted(content: Content) -> ButtonResult:
    new, old = content.get("new_provider"), content.get("original_provider")
    return ButtonResult(f"Approved. The order went to {new} instead of {old}.", messages.WARNING)


def _grouped(content: Content) -> ButtonResult:
    due = str(content.get("notify_at", ""))[:19].replace("T", " ")
    return ButtonResult(f"Approved. It is gathered with others, for one call at {due} UTC or sooner.")


def _scheduled(content: Content) -> ButtonResult:
    due = str(content.get("scheduled_for", ""))[:19].replace("T", " ")
    return ButtonResult(
        f"Approved. Another rule holds the order until {due} UTC; then it goes on.", messages.INFO
    )


def _asks_again(content: Content) -> ButtonResult:
    url = reverse("admin:orders_app_approval_change", args=[content.get("approval_id")])
    words = 'Approved, and the order needs <a class="gw-link" href="{}">another approval</a>.'
    return ButtonResult(format_html(words, url), messages.WARNING)


def _suppressed(content: Content) -> ButtonResult:
    words = f"Approved, but the rule {content.get('rule')} stops it now: the order is rejected."
    return ButtonResult(words, messages.WARNING)


def _quota(content: Content) -> ButtonResult:
    words = f"Approved, but the quota of {content.get('limit')} is used up: the order is rejected."
    return ButtonResult(words, messages.WARNING)


def _failed(content: Content) -> ButtonResult:
    return ButtonResult(
        f"Approved, but carrying it out failed ({content.get('code')}). See the order.", messages.ERROR
    )


def _deduplicated(content: Content) -> ButtonResult:
    return ButtonResult("Approved, but the same order was placed already.", messages.WARNING)


def _other(content: Content) -> ButtonResult:
    return ButtonResult("Approved. See below what became of it.", messages.INFO)


_RESULTS: dict[str, Callable[[Content], ButtonResult]] = {
    "Executed": _executed,
    "ChainStarted": _chain,
    "Rerouted": _rerouted,
    "Grouped": _grouped,
    "Scheduled": _scheduled,
    "PendingApproval": _asks_again,
    "Suppressed": _suppressed,
    "QuotaExceeded": _quota,
    "Failed": _failed,
    "Deduplicated": _deduplicated,
}
