"""What people are told of an approval before its time is over: as plain data, or as Slack and Teams read it. Pure.

No signed link stands in them: in a channel everybody could decide. They lead to the page where one signs in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_CARD = "application/vnd.microsoft.card.adaptive"
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
# What Teams reads as Markdown: a name must not become a link.
_MARKDOWN = re.compile(r"([\\`*_\[\]()#+.!<>~|{}-])")


@dataclass(frozen=True, slots=True)
class Reminder:
    """`left` is the time that remains, in words; `group` is set where it is an escalation."""

    approval_id: str
    order: str
    shop: str
    amount: str
    rule: str
    message: str
    expires_at: str
    left: str
    url: str
    group: str = ""

    @property
    def title(self) -> str:
        what = f"{self.order} for {self.amount}"
        if self.group:
            return f"Escalated to {self.group}: {what} waits for approval, {self.left} left"
        return f"{what} waits for approval, {self.left} left"


def _plain(reminder: Reminder) -> dict[str, Any]:
    names = ("approval_id", "order", "shop", "amount", "rule", "message", "expires_at", "group", "url")
    return {"text": reminder.title, **{name: getattr(reminder, name) for name in names}}


def _slack(reminder: Reminder) -> dict[str, Any]:
    title, facts = _for_slack(reminder.title), _for_slack(_facts(reminder))
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*\n{facts}"}}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": reminder.url}
    return {"text": title, "blocks": [section, {"type": "actions", "elements": [button]}]}


def _teams(reminder: Reminder) -> dict[str, Any]:
    lines = [
        {"type": "TextBlock", "weight": "Bolder", "wrap": True, "text": _for_teams(reminder.title)},
        {"type": "TextBlock", "wrap": True, "text": _for_teams(_facts(reminder))},
    ]
    card = {
        "$schema": _SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": reminder.url}],
    }
    return {"type": "message", "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}]}


FORMATS: Mapping[str, Callable[[Reminder], dict[str, Any]]] = {
    "plain": _plain,
    "slack": _slack,
    "teams": _teams,
}


def _facts(reminder: Reminder) -> str:
    why = f": {reminder.message}" if reminder.message else ""
    return f"Shop {reminder.shop}, held by {reminder.rule}{why}"


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217")[:2900]


def _for_teams(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)[:4000]
