"""A backtest in words, for terminals and pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acteon_site.base.money import money
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from rules_app.backtesting import GONE, INVALID, UNCOUNTED, UNREADABLE
from rules_app.backtesting.past import EARLIER

# What a dispatch came to, or would have come to.
OUTCOMES = DISPATCH_OUTCOMES | {INVALID}
UNKNOWN_WORDS: Mapping[str, str] = {
    GONE: "the original is no longer stored",
    UNREADABLE: "the original cannot be read",
    UNCOUNTED: "a rule asks a counter that none asked then",
    EARLIER: "it rests on an earlier one, whose end nobody knows",
}
OTHERWISE_WORDS: Mapping[str, str] = {
    "rule": "by another rule",
    "payload": "with another payload",
    "terms": "on other terms",
    "provider": "at another provider",
}
LEFT = "Quotas, circuit breakers and counters are left as they were; lists, lifecycles and redaction are today's."


def value_of(values: Mapping[str, int]) -> str:
    """One sum for each currency, never one over all."""
    return ", ".join(money(amount, currency) for currency, amount in sorted(values.items()))


def left_aside(summary: Mapping[str, Any]) -> Iterator[str]:
    """What the figures do not say, each only where there is any of it."""
    if summary["otherwise"]["count"]:
        by = _counted(summary["otherwise"]["by"], OTHERWISE_WORDS)
        yield f"The same outcome, decided otherwise: {summary['otherwise']['count']} ({by})"
    if summary["unknown"]["count"]:
        yield f"Not known of {summary['unknown']['count']}: {_counted(summary['unknown']['by'], UNKNOWN_WORDS)}"
    if summary["answers_unknown"]:
        yield f"Providers called that were not: by {summary['answers_unknown']}; what they would answer is not known"
    if summary["releases"]:
        yield f"Releases of holds, left aside: {summary['releases']}; what an approver would say is not guessed"
    if summary["replays"]:
        yield f"Replays by hand, not counted: {summary['replays']}"
    if len(summary["versions"]) > 1:
        decided = ", ".join(f"{number} ({count})" for number, count in summary["versions"].items())
        yield f"The rules changed meanwhile; the versions that decided: {decided}"
    yield LEFT


def _counted(by: Mapping[str, int], words: Mapping[str, str]) -> str:
    return ", ".join(f"{words.get(name, name)}: {count}" for name, count in by.items())
