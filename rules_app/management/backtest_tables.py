"""What a backtest found, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from acteon_site.base.clock_text import moment
from acteon_site.base.money import money
from acteon_site.management.base import table
from rules_app.backtest_words import UNKNOWN_WORDS, left_aside, value_of
from rules_app.models import Backtest

MOST_LINES = 20


def shown(console: Console, found: Backtest) -> None:
    summary = found.summary or {}
    span = f"{moment(found.begins_at)} to {moment(found.ends_at)}"
    console.print(f"Backtest {found.pk}: {found.title}, {span}", markup=False, soft_wrap=True)
    for title, columns, rows in (
        ("What would change", ("Was", "Would be", "Dispatches", "Value"), _outcomes(summary)),
        ("By rule", ("Rule", "Decided", "Would decide", "Value then", "Value now"), _rules(summary)),
        ("By shop", ("Namespace", "Tenant", "Dispatches", "Would change", "Value"), _shops(summary)),
        (
            f"The first {MOST_LINES}",
            ("At (UTC)", "Tenant", "Action", "Was", "Would be", "Rule", "Value"),
            _orders(found),
        ),
    ):
        if rows:
            console.print(table(title, columns, rows))
    counted = summary["dispatches"]["count"]
    told = f"{counted} dispatches: {summary['changed']} would change, {summary['same']} would not"
    for line in (told, *left_aside(summary)):
        console.print(line, markup=False, soft_wrap=True)


def _outcomes(summary: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["from"], one["to"], one["count"], value_of(one["values"])) for one in summary["outcomes"]]


def _rules(summary: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            one["rule"] or "(no rule)",
            one["was"]["count"],
            one["would"]["count"],
            value_of(one["was"]["values"]),
            value_of(one["would"]["values"]),
        )
        for one in summary["rules"]
        if one["was"] != one["would"]
    ]


def _shops(summary: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            one["namespace"],
            one["tenant"],
            one["dispatches"],
            one["changed"]["count"],
            value_of(one["changed"]["values"]),
        )
        for one in summary["shops"][:MOST_LINES]
        if one["changed"]["count"]
    ]


def _orders(found: Backtest) -> list[tuple[Any, ...]]:
    return [
        (
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.tenant,
            one.action_id,
            one.from_outcome,
            one.to_outcome or UNKNOWN_WORDS.get(one.note, one.note),
            one.to_rule,
            "" if one.amount is None else money(one.amount, one.currency),
        )
        for one in found.orders.all()[:MOST_LINES]
    ]
