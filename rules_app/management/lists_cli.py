"""What each of `manage.py rule_lists …` does and prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from acteon_site.base.clock_text import moment
from acteon_site.base.errors import not_found
from acteon_site.base.source import Source
from acteon_site.management.base import source_of, table
from rules_app.lists.memory import key_for
from rules_app.lists.stored import entries_on, entry_in_clear, export_lines
from rules_app.models import ListEntry, NamedList
from rules_app.services.list_entries import (
    entries_add,
    entries_import,
    entries_parsed,
    entries_remove,
    import_preview,
)
from rules_app.services.lists import list_create, list_delete

MOST_LINES = 20
Options = Mapping[str, Any]


def show_all(console: Console, options: Options) -> None:
    columns = ("List", "For", "Entries", "Compares", "From", "What for")
    rows = NamedList.objects.order_by("name", "namespace", "tenant")
    cells = (
        (row.name, row.scope, row.size, row.matching, row.source or "by hand", row.description)
        for row in rows
    )
    console.print(table("Lists", columns, cells))


def make(console: Console, options: Options) -> None:
    names = ("name", "namespace", "tenant", "matching", "description")
    row = list_create(spec={name: options[name] for name in names}, source=_source())
    console.print(Text(f"The list {row} is made. It is empty."))


def show(console: Console, options: Options) -> None:
    row = _list(options)
    entries = entries_on(row)
    if options["find"] is not None:
        entries = entries.filter(key=key_for(options["find"], row.matching))
        if not entries.exists():
            raise not_found(f"that value is not on the list {row}")
    console.print(_table(row, entries[: options["limit"]]))


def _table(row: NamedList, entries: Iterable[ListEntry]) -> Any:
    columns = ("Value", "Note", "Added by", "At (UTC)", "Until (UTC)")
    cells = (
        (clear.value, clear.note, one.added_by, moment(one.added_at), moment(one.expires_at))
        for one in entries
        for clear in (entry_in_clear(one),)
    )
    return table(f"{row}: {row.size} entries", columns, cells)


def add(console: Console, options: Options) -> None:
    more = {
        name: value for name, value in (("note", options["note"]), ("expires_at", options["until"])) if value
    }
    entries = entries_parsed([{"value": value, **more} for value in options["values"]])
    changed = entries_add(row=_list(options), entries=entries, source=_source())
    console.print(f"{changed.added} added, {changed.double} were on it already.")


def remove(console: Console, options: Options) -> None:
    values = options["values"]
    removed = entries_remove(row=_list(options), values=values, source=_source())
    console.print(f"{removed} removed, {len(values) - removed} were not on it.")


def import_file(console: Console, options: Options) -> None:
    row, text = _list(options), options["file"].read_text(encoding="utf-8-sig")
    if not options["dry_run"]:
        changed = entries_import(row=row, text=text, source=_source(), replace=options["replace"])
        console.print(f"{changed.added} added, {changed.double} double, {changed.removed} removed.")
        return
    found = import_preview(row=row, text=text)
    console.print(
        f"{len(found.new)} new, {len(found.double)} double, {len(found.bad)} bad. Nothing was changed."
    )
    for number, problem in (*found.bad[:MOST_LINES], *found.double[:MOST_LINES]):
        console.print(Text(f"  line {number}: {problem}"))


def export(console: Console, options: Options) -> None:
    for line in export_lines(_list(options)):
        console.file.write(line)


def delete(console: Console, options: Options) -> None:
    row = _list(options)
    list_delete(row=row, source=_source())
    console.print(Text(f"The list {row} is deleted."))


COMMANDS: dict[str, Callable[[Console, Options], None]] = {
    "list": show_all,
    "make": make,
    "show": show,
    "add": add,
    "remove": remove,
    "import": import_file,
    "export": export,
    "delete": delete,
}


def _source() -> Source:
    return source_of("rule_lists")


def _list(options: Options) -> NamedList:
    place = {name: options[name] for name in ("name", "namespace", "tenant")}
    row = NamedList.objects.filter(**place).first()
    if row is None:
        raise not_found("there is no list named {name} for {namespace}/{tenant}".format(**place))
    return row
