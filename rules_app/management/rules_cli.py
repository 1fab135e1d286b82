"""What each of `manage.py rules …` does and prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from rich.console import Console
from rich.text import Text

from acteon_site.base.errors import invalid, not_found
from acteon_site.config_files.yaml_reader import read_yaml
from acteon_site.management.base import operator_name, table
from rules_app.differences import Difference, Spec, counter_key, revision_of
from rules_app.drafts import (
    draft_get,
    draft_spec,
    draft_view,
    live_spec,
    open_drafts,
    version_differences,
    version_get,
)
from rules_app.engine.json_schema import rules_schema
from rules_app.models import RuleDraft, RuleSetVersion
from rules_app.services.drafts import draft_discard, draft_open, draft_put, draft_put_counter, draft_remove
from rules_app.services.publishing import draft_publish, version_restore
from rules_app.services.stages import rule_stage
from rules_app.services.trial_reports import trial_report
from rules_app.services.vocabulary import lexicon_now
from rules_app.trial_words import OVERLAP_COLUMNS, SIDE_LABELS, overlap_rows, report_lines

COLOURS = {"+": "green", "-": "red"}
Options = Mapping[str, Any]


def drafts(console: Console, options: Options) -> None:
    rows = RuleDraft.objects.order_by("-number") if options["all"] else open_drafts()
    columns = ("Draft", "Name", "State", "Begun by", "Editors", "Reason")
    cells = (
        (row.pk, row.name, row.status, row.created_by, ", ".join(row.editors), row.reason) for row in rows
    )
    console.print(table("Drafts", columns, cells))


@transaction.atomic
def draft(console: Console, options: Options) -> None:
    number, name = options["number"], options["name"]
    if number is None and not name:
        raise invalid("give the number of a draft, or --name for a new one")
    found = draft_open(name=name, actor=actor()) if number is None else draft_get(number)
    rules, counters = _specs(options["put"]) if options["put"] else ((), ())
    for spec in counters:
        seen = _seen(found, counter_key(str(spec.get("name"))))
        draft_put_counter(number=found.pk, spec=spec, seen=seen, actor=actor())
    for spec in rules:
        draft_put(number=found.pk, spec=spec, seen=_seen(found, str(spec.get("name"))), actor=actor())
    for rule in options["remove"]:
        draft_remove(number=found.pk, name=rule, seen=_seen(found, rule), actor=actor())
    _show_draft(console, draft_get(found.pk))


def publish(console: Console, options: Options) -> None:
    version = draft_publish(number=options["number"], reason=options["reason"], actor=actor())
    console.print(f"Version {version.number} is in force.")


def discard(console: Console, options: Options) -> None:
    draft_discard(number=options["number"], actor=actor())
    console.print(f"Draft {options['number']} is discarded.")


def versions(console: Console, options: Options) -> None:
    rows = RuleSetVersion.objects.defer("content", "disabled")[: options["limit"]]
    columns = ("Version", "At (UTC)", "By", "Cause", "Reason")
    cells = (
        (row.number, f"{row.created_at:%Y-%m-%d %H:%M}", row.actor, row.cause, row.reason) for row in rows
    )
    console.print(table("Versions", columns, cells))


def diff(console: Console, options: Options) -> None:
    before, after = version_get(options["before"]), version_get(options["after"])
    _show(console, version_differences(before, after, lexicon_now()))


def restore(console: Console, options: Options) -> None:
    found = version_restore(number=options["number"], reason=options["reason"], actor=actor())
    if found.is_open:
        console.print(f"Draft {found.pk} holds it: a second person has to publish it.")
    else:
        console.print(f"Version {options['number']} is in force again, as version {found.version.number}.")


def report(console: Console, options: Options) -> None:
    if live_spec(options["name"]) is None:
        raise not_found(f"there is no rule named {options['name']}")
    now = timezone.now()
    found = trial_report(options["name"], now - timedelta(days=options["days"]), now)
    if not found.sides:
        console.print("No order has come to it while it was in shadow, or for a share of orders.")
    for line in report_lines(found):
        console.print(Text(line))
    for side in found.sides.values():
        console.print(table(SIDE_LABELS[side.name], OVERLAP_COLUMNS, overlap_rows(side)))


def stage(console: Console, options: Options) -> None:
    percent = options["percent"]
    whole = int(percent) if percent is not None and percent == int(percent) else percent
    facts = {name: options[name] for name in ("name", "stage", "reason")}
    found = rule_stage(**facts, percent=whole, actor=actor())
    if found.is_open:
        console.print(f"Draft {found.pk} holds it: a second person has to publish it.")
    else:
        console.print(f"Version {found.version.number} is in force: {found.name}.")


def schema(console: Console, options: Options) -> None:
    """As it is, without lines broken to the width of a terminal."""
    console.file.write(json.dumps(rules_schema(), indent=2, ensure_ascii=False) + "\n")


COMMANDS: dict[str, Callable[[Console, Options], None]] = {
    "drafts": drafts,
    "draft": draft,
    "publish": publish,
    "discard": discard,
    "versions": versions,
    "diff": diff,
    "restore": restore,
    "report": report,
    "stage": stage,
    "schema": schema,
}


def actor() -> str:
    return operator_name("rules")


def _specs(file: Path) -> tuple[list[Spec], list[Spec]]:
    """The rules and the counters of a file, read as strictly as a load reads it."""
    document, flaws = read_yaml(file.read_text(encoding="utf-8"), str(file))
    if flaws:
        raise invalid(f"{file}, line {flaws[0].line}: {flaws[0].message}")
    found = [document.data.get(section) for section in ("rules", "counters")]
    lists = [[] if one is None else one for one in found]
    right = all(isinstance(one, list) and all(isinstance(spec, dict) for spec in one) for one in lists)
    if not right or not any(lists):
        raise invalid(f"{file} must hold `rules` or `counters`, a list")
    return lists[0], lists[1]


def _seen(found: RuleDraft, name: str) -> str | None:
    """What the draft has now: whoever runs a command has typed against nothing older."""
    return revision_of(draft_spec(found, name))


def _show_draft(console: Console, found: RuleDraft) -> None:
    view = draft_view(found, lexicon_now())
    console.print(Text(f"Draft {found.pk}: {found.name} ({found.status}), begun by {found.created_by}"))
    _show(console, [one.difference for one in view.changes])
    for clash in view.conflicts:
        console.print(Text(f"{clash.conflict.label} has changed live meanwhile: settle it first", "red"))


def _show(console: Console, found: Iterable[Difference]) -> None:
    differences = list(found)
    if not differences:
        console.print("Nothing differs.")
    for one in differences:
        console.print(Text(f"{one.label} {one.how}", "bold"))
        for said in one.words:
            console.print(Text(f"  {said}"))
        for line in one.lines:
            console.print(Text(f"    {line}", COLOURS.get(line[:1], "dim")))
