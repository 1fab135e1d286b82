"""Texts in a kind's settings: templates over the call, and other ones for single action types under `messages`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from acteon_site.base.money import as_shown, total_of
from chains_app import templating
from chains_app.definitions.reader import Problems, Reader
from chains_app.providers.base import Call, ProviderSettings

ROOTS = ("payload", "amount", "action_type", "action_id", "namespace", "tenant")
SET_IN = "\n    "


def wording(settings: ProviderSettings, call: Call) -> dict[str, Any]:
    """The settings, with what `messages` has for the call's action type in place of the general ones."""
    return {**settings.config, **settings.config.get("messages", {}).get(call.action_type, {})}


def context_of(call: Call, escaped: Callable[[str], str] = str) -> dict[str, Any]:
    """What placeholders reach. `escaped` is applied to each text of it: what comes from outside is no markup."""
    context = {
        "payload": call.payload,
        "amount": _amount(call.payload),
        "action_type": call.action_type,
        "action_id": call.action_id,
        "namespace": call.namespace,
        "tenant": call.tenant,
    }
    return context if escaped is str else {name: _each(value, escaped) for name, value in context.items()}


def readable(payload: Mapping[str, Any]) -> str:
    """A line for each field; amounts in the order's currency. Further lines of a value are set in: none of them
    passes for a field of its own, such as another total."""
    return "\n".join(SET_IN.join(f"{name}: {value}".splitlines()) for name, value in fields_shown(payload))


def fields_shown(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The payload's fields as people read them."""
    currency = payload.get("currency")
    for key, value in payload.items():
        name, shown = as_shown(key, value, currency)
        yield name, templating.as_text(shown)


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def check_texts(reader: Reader, keys: Collection[str], several: Collection[str] = ()) -> None:
    """Whether each is text (of `several` also a list of texts) whose placeholders reach something."""
    for key in keys:
        check_placeholders(reader, key)
        if reader.raw(key) is not None and not _is_text(reader.raw(key), several=key in several):
            reader.problem(key, "must be text")


def check_placeholders(reader: Reader, key: str) -> None:
    for _, reference in templating.placeholders(reader.raw(key)):
        if reference.path.partition(".")[0] not in ROOTS:
            reader.problem(key, f"{{{{{reference.path}}}}} is unknown; there are {', '.join(ROOTS)}")


def check_messages(reader: Reader, keys: Collection[str], check: Callable[[Reader], None]) -> None:
    """`messages`: for action types, some of the `keys` again, each checked as the general ones are."""
    messages = reader.raw("messages") or {}
    if not isinstance(messages, Mapping):
        reader.problem("messages", "must be an object with an object for each action type")
        return
    for action_type, texts in messages.items():
        check(Reader(texts, f"messages.{action_type}", keys, reader.problems))


def reader_of(config: Mapping[str, Any], secrets: Mapping[str, Any], known: Collection[str]) -> Reader:
    return Reader({**config, **secrets}, "", known, Problems())


class _Escaped(dict[str, Any]):
    """Found by its names as they are; where all of it is written, these are escaped as well."""

    def __init__(self, inner: Mapping[str, Any], escaped: Callable[[str], str]) -> None:
        super().__init__(inner)
        self._escaped = escaped

    def items(self) -> Any:  # what JSON writes
        return [(self._escaped(name), value) for name, value in super().items()]


def _each(value: Any, escaped: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return _Escaped({key: _each(item, escaped) for key, item in value.items()}, escaped)
    return [_each(item, escaped) for item in value] if isinstance(value, (list, tuple)) else value


def _amount(payload: Mapping[str, Any]) -> str | None:
    """The order's total: an approval's notice has the order inside it."""
    order = payload if "total_cents" in payload else payload.get("order")
    return total_of(order) if isinstance(order, Mapping) and "total_cents" in order else None


def _is_text(value: Any, *, several: bool) -> bool:
    if several and isinstance(value, list):
        return bool(value) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
