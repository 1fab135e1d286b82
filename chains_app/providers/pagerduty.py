"""`pagerduty`: one event per call, to the Events API, version 2: triggers, acknowledges or resolves an alert.

PagerDuty knows an alert by its `dedup_key`, so a repeat of a call makes no second one.
Protocol: developer.pagerduty.com, "Send an Alert Event".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from acteon_site.base.errors import FieldProblem
from chains_app import templating
from chains_app.definitions.reader import Reader
from chains_app.providers.base import EXECUTION_FAILED, Answer, Call, ProviderError, ProviderSettings, Runs
from chains_app.providers.encoding import JSON, encode_json
from chains_app.providers.exchange import exchange, not_its_own
from chains_app.providers.requests import HttpRequest
from chains_app.providers.texts import (
    check_messages,
    check_placeholders,
    check_texts,
    context_of,
    cut,
    reader_of,
    wording,
)
from chains_app.providers.webhook_checks import check_url

ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
ABOUT = ("component", "group", "class")
TEXTS = ("event_action", "dedup_key", "summary", "source", "severity", *ABOUT, "link")
KEYS = (*TEXTS, "custom_details")
MOST_SUMMARY, MOST_KEY = 1024, 255
# PagerDuty takes 512 KB in all.
MOST_DETAILS, MOST_LINK = 400_000, 2000
TOO_LONG = {"left_out": "the details are longer than PagerDuty takes; the order's page has them"}
ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
DEFAULTS: Mapping[str, str] = {
    "event_action": "trigger",
    "dedup_key": "{{namespace}}:{{tenant}}:{{action_id}}",
    "summary": "{{action_type}} {{action_id}}",
    "source": "{{tenant}}",
    "severity": "error",
}


class PagerDutyKind:
    name = "pagerduty"
    repeatable = True
    runs = Runs.ON_LOOP
    config_keys = frozenset((*KEYS, "url", "messages"))
    secret_keys = frozenset(("routing_key",))

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        reader = reader_of(config, secrets, self.config_keys | self.secret_keys)
        if reader.has("url"):
            check_url(reader)
        if not ROUTING_KEY.fullmatch(reader.text("routing_key")):
            reader.problem("routing_key", "must be the integration's key: 32 letters and digits")
        _check_texts(reader)
        check_messages(reader, KEYS, _check_texts)
        return reader.problems.found

    async def call(self, settings: ProviderSettings, call: Call) -> Answer:
        content = encode_json({"routing_key": settings.secrets["routing_key"], **_event(settings, call)})
        headers = {"Content-Type": JSON, "Accept": JSON}
        request = HttpRequest("POST", settings.config.get("url", ENQUEUE), headers, content)
        said = (await exchange(request, call.timeout_seconds)).body
        if said.get("status") != "success":
            raise not_its_own("PagerDuty")
        return Answer({"provider": settings.name, "sent": True, "dedup_key": said.get("dedup_key")})


def _event(settings: ProviderSettings, call: Call) -> dict[str, Any]:
    words, context = {**DEFAULTS, **wording(settings, call)}, context_of(call)
    texts = {
        key: templating.as_text(templating.render(words[key], context)).strip()
        for key in TEXTS
        if key in words
    }
    if texts["event_action"] not in ACTIONS:
        raise ProviderError(EXECUTION_FAILED, f"event_action must come to one of {', '.join(ACTIONS)}")
    event: dict[str, Any] = {"event_action": texts["event_action"], "dedup_key": _key(texts["dedup_key"])}
    if event["event_action"] == "trigger":
        event["payload"] = _payload(
            texts, templating.render(words.get("custom_details", call.payload), context)
        )
        if 0 < len(texts.get("link", "")) <= MOST_LINK:
            event["links"] = [{"href": texts["link"], "text": "Open"}]
    return event


def _payload(texts: Mapping[str, str], details: Any) -> dict[str, Any]:
    """A severity that is none counts as an error: nobody must miss an alert for a word."""
    severity = texts["severity"].lower()
    return {
        "summary": cut(texts["summary"], MOST_SUMMARY) or "no summary",
        "source": cut(texts["source"], MOST_SUMMARY) or "order gateway",
        "severity": severity if severity in SEVERITIES else "error",
        **{name: cut(texts[name], MOST_SUMMARY) for name in ABOUT if texts.get(name)},
        "custom_details": details if len(encode_json(details)) <= MOST_DETAILS else TOO_LONG,
    }


def _key(text: str) -> str:
    """At most 255 characters; of a longer one a digest, which is the same each time."""
    if not text:
        raise ProviderError(
            EXECUTION_FAILED, "dedup_key comes to nothing: another alert could not be told from it"
        )
    return text if len(text) <= MOST_KEY else hashlib.sha256(text.encode()).hexdigest()


def _check_texts(reader: Reader) -> None:
    check_texts(reader, TEXTS)
    for key, choices in (("event_action", ACTIONS), ("severity", SEVERITIES)):
        if "{{" not in str(reader.raw(key)):
            reader.choice(key, choices, choices[0])
    if not isinstance(reader.raw("custom_details") or {}, Mapping):
        reader.problem("custom_details", "must be an object")
    check_placeholders(reader, "custom_details")
