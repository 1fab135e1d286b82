"""The commands below `manage.py recurring`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from acteon_site.base.clock import db_now
from acteon_site.base.errors import conflict, invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.terminal import table
from acteon_site.management.base import source_of
from orders_app.models import RecurringAction
from orders_app.recurring.cron import Schedule, cron_problem, cron_text, cron_words, zone_problem
from orders_app.services.recurring.edits import recurring_pause, recurring_resume
from orders_app.services.recurring.history import firings_of, upcoming, with_last_outcome

Command = Callable[[Console, Mapping[str, Any]], None]
SHOWN = "%Y-%m-%d %H:%M %Z"


def list_all(console: Console, options: Mapping[str, Any]) -> None:
    rows = with_last_outcome(RecurringAction.objects.defer("payload", "metadata"))
    for name in ("namespace", "tenant"):
        if options[name]:
            rows = rows.filter(**{name: options[name]})
    lines = [
        (
            row.name,
            f"{row.namespace}/{row.tenant}",
            row.cron_expression,
            row.timezone,
            row.status,
            _text(row.next_at if row.enabled else None),
            getattr(row, "last_outcome", None),
            row.problem,
        )
        for row in rows.order_by("namespace", "tenant", "name")
    ]
    columns = ("name", "for", "expression", "zone", "state", "next", "last outcome", "problem")
    console.print(table(f"{len(lines)} recurring actions", columns, lines))


def show_next(console: Console, options: Mapping[str, Any]) -> None:
    """Of a recurring action, or of an expression that is none yet."""
    if problem := zone_problem(options["zone"]):
        raise invalid_field("--zone", problem)
    given = options["what"]
    if " " in given.strip():
        found, zone, words = _of_expression(given, options)
    else:
        row = _named(given, options)
        viewed = upcoming(row, db_now(), options["zone"], options["count"])
        found, zone, words = [one.at for one in viewed], row.timezone, cron_words(row.cron_expression)
    lines = [
        (f"{at.astimezone(ZoneInfo(zone)):{SHOWN}}", f"{at.astimezone(ZoneInfo(options['zone'])):{SHOWN}}")
        for at in found
    ]
    console.print(table(f"{words}, {zone}", (f"in {zone}", f"in {options['zone']}"), lines))


def _of_expression(text: str, options: Mapping[str, Any]) -> tuple[list[Any], str, str]:
    if problem := cron_problem(text):
        raise invalid_field("cron_expression", problem)
    expression, zone = cron_text(text), options["zone"]
    return (
        list(islice(Schedule(expression, zone).after(db_now()), options["count"])),
        zone,
        cron_words(expression),
    )


def history(console: Console, options: Mapping[str, Any]) -> None:
    row = _named(options["what"], options)
    lines = [
        (_text(one.occurrence), one.kind, _text(one.fired_at), one.outcome, one.action_id, one.reason)
        for one in firings_of(row.pk)[: options["count"]]
    ]
    columns = ("occurrence", "why", "fired", "outcome", "action", "reason")
    console.print(table(f"{row.name}, the newest first", columns, lines))


def pause(console: Console, options: Mapping[str, Any]) -> None:
    row = recurring_pause(row=_named(options["what"], options), source=source_of("recurring pause"))
    console.print(f"{row.name} is paused.")


def resume(console: Console, options: Mapping[str, Any]) -> None:
    row = recurring_resume(row=_named(options["what"], options), source=source_of("recurring resume"))
    console.print(
        f"{row.name} fires next at {_text(row.next_at)}." if row.next_at else f"{row.name} is over."
    )


def _named(text: str, options: Mapping[str, Any]) -> RecurringAction:
    """By id, or by name where one tenant alone has one of that name."""
    rows = (
        RecurringAction.objects.filter(pk=key)
        if (key := as_uuid(text))
        else RecurringAction.objects.filter(name=text)
    )
    for name in ("namespace", "tenant"):
        if options[name]:
            rows = rows.filter(**{name: options[name]})
    found = list(rows[:2])
    if not found:
        raise not_found(f"there is no recurring action {text!r}; `manage.py recurring list` shows them")
    if len(found) > 1:
        raise conflict(f"several tenants have a recurring action {text!r}: say --namespace and --tenant")
    return found[0]


def _text(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


COMMANDS: Mapping[str, Command] = {
    "list": list_all,
    "next": show_next,
    "history": history,
    "pause": pause,
    "resume": resume,
}
