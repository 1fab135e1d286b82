"""`teams`: one card per call, to the webhook of a Teams workflow (it posts to a channel what the webhook receives).

In values what Teams reads as Markdown is escaped, so that a customer's name becomes no link. Teams knows no card
again: an unknown outcome is never repeated. It also answers 200 for what it has not delivered, and says so in the text.
Protocol: learn.microsoft.com, "Create incoming webhooks with Workflows" and "Adaptive Cards".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acteon_site.base.errors import FieldProblem
from chains_app import templating
from chains_app.definitions.reader import Reader
from chains_app.providers.base import EXECUTION_FAILED, Answer, Call, ProviderError, ProviderSettings, Runs
from chains_app.providers.encoding import JSON, encode_json
from chains_app.providers.exchange import MAX_ANSWER_BYTES, failure, judged, response_to
from chains_app.providers.requests import HttpRequest
from chains_app.providers.texts import (
    check_messages,
    check_placeholders,
    check_texts,
    context_of,
    cut,
    fields_shown,
    reader_of,
    wording,
)
from chains_app.providers.webhook_checks import check_url

CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
TEXTS = ("title", "text", "facts", "link")
# Teams takes 28 KB; where characters have several bytes each, half or a quarter of these stays below.
MOST_BYTES, MOST_LINK = 27_000, 2000
MOST_TITLE, MOST_TEXT, MOST_FACT, MOST_FACTS = 300, 3000, 200, 20
MARKDOWN = re.compile(r"([\\`*_\[\]()#+.!<>~|{}-])")
NOT_DELIVERED = re.compile(r"delivery failed|HTTP error", re.IGNORECASE)
INNER_STATUS = re.compile(r"HTTP error ([45]\d\d)")


class TeamsKind:
    name = "teams"
    repeatable = False
    runs = Runs.ON_LOOP
    config_keys = frozenset((*TEXTS, "url", "messages"))
    secret_keys = frozenset(("secret_url",))

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        reader = reader_of(config, secrets, self.config_keys | self.secret_keys)
        check_url(reader, "secret_url" if reader.has("secret_url") else "url")
        _check_texts(reader)
        check_messages(reader, TEXTS, _check_texts)
        return reader.problems.found

    async def call(self, settings: ProviderSettings, call: Call) -> Answer:
        address = settings.secrets.get("secret_url") or settings.config["url"]
        content = _content(settings, call)
        request = HttpRequest("POST", address, {"Content-Type": JSON}, content)
        response = await response_to(request, call.timeout_seconds, MAX_ANSWER_BYTES)
        text = judged(response).body.get("text")
        if isinstance(text, str) and NOT_DELIVERED.search(text):
            inner = INNER_STATUS.search(text)
            if inner is None:
                raise ProviderError(
                    EXECUTION_FAILED, "Teams did not deliver it", retryable=True, unknown=True
                )
            raise failure(replace(response, status=int(inner[1]), content=b""))
        return Answer({"provider": settings.name, "sent": True})


def _content(settings: ProviderSettings, call: Call) -> bytes:
    sizes = (encode_json(_message(settings, call, share)) for share in (1, 2, 4, 8))
    smallest = b""
    for smallest in sizes:
        if len(smallest) <= MOST_BYTES:
            break
    return smallest


def _message(settings: ProviderSettings, call: Call, share: int) -> dict[str, Any]:
    """`share`: of the most characters of each text so many are left (2: half of them)."""
    words = wording(settings, call)
    context = context_of(call, _escaped)
    title = _text(words.get("title", "{{action_type}}"), context)
    body = [
        _line(title, MOST_TITLE // share, weight="Bolder", size="Medium"),
        _line(_text(words.get("text", ""), context), MOST_TEXT // share),
        {"type": "FactSet", "facts": _facts(words, call, context, MOST_FACT // share)},
    ]
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [part for part in body if part.get("text") or part.get("facts")],
        "actions": _links(words, call),
    }
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}]}


def _line(text: str, most: int, **looks: str) -> dict[str, Any]:
    return {"type": "TextBlock", "wrap": True, **looks, "text": cut(text, most)}


def _facts(
    words: Mapping[str, Any], call: Call, context: Mapping[str, Any], most: int
) -> list[dict[str, str]]:
    """Those of the settings; without any text, the payload's fields."""
    facts = list(words.get("facts", {}).items())
    if "facts" not in words and "text" not in words:
        facts = [(_escaped(name), _escaped(value)) for name, value in fields_shown(call.payload)]
        context = {}
    shown = ((name, cut(_text(text, context), most)) for name, text in facts)
    return [{"title": cut(name, most), "value": value} for name, value in shown if value][:MOST_FACTS]


def _links(words: Mapping[str, Any], call: Call) -> list[dict[str, str]]:
    """A button, where the link comes to an address of the web: a value must not begin a script."""
    address = _text(words.get("link", ""), context_of(call))
    if not address.startswith(("https://", "http://")) or len(address) > MOST_LINK:
        return []
    return [{"type": "Action.OpenUrl", "title": "Open", "url": address}]


def _text(template: str, context: Mapping[str, Any]) -> str:
    return templating.as_text(templating.render(template, context) if context else template)


def _escaped(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text)


def _check_texts(reader: Reader) -> None:
    check_texts(reader, ("title", "text", "link"))
    facts = reader.raw("facts") or {}
    if not isinstance(facts, Mapping) or not all(isinstance(text, str) for text in facts.values()):
        reader.problem("facts", "must be an object of names, each with a text")
    elif len(facts) > MOST_FACTS:
        reader.problem("facts", f"must be at most {MOST_FACTS}")
    check_placeholders(reader, "facts")
