"""`slack`: one message per call, through an incoming webhook or, with a bot's token, to a channel.

Values are text and nothing else: in them & < > are escaped, so that a customer's name can call nobody (<!channel>)
and hide no link. Slack knows no message again: an unknown outcome is never repeated.
Protocol: docs.slack.dev, "Sending messages using incoming webhooks" and "chat.postMessage".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from acteon_site.base.errors import FieldProblem
from chains_app import templating
from chains_app.definitions.reader import Reader
from chains_app.providers.base import (
    EXECUTION_FAILED,
    RATE_LIMITED,
    Answer,
    Call,
    ProviderError,
    ProviderSettings,
    Runs,
)
from chains_app.providers.encoding import JSON, encode_json
from chains_app.providers.exchange import exchange, not_its_own
from chains_app.providers.requests import HttpRequest
from chains_app.providers.texts import (
    check_messages,
    check_placeholders,
    check_texts,
    context_of,
    cut,
    readable,
    reader_of,
    wording,
)
from chains_app.providers.webhook_checks import check_url

POST_MESSAGE = "https://slack.com/api/chat.postMessage"
TEXTS = ("text", "blocks")
MOST_TEXT, MOST_BLOCKS, MOST_BLOCK_TEXT = 3900, 50, 3000
ERROR = re.compile(r"[a-z0-9_]{1,60}")
LIMITS = frozenset(("ratelimited", "rate_limited", "message_limit_exceeded"))
LATER = frozenset(("service_unavailable", "request_timeout", "team_added_to_org"))
# Of these Slack says that part of it may have been done.
IN_DOUBT = frozenset(("fatal_error", "internal_error"))


class SlackKind:
    name = "slack"
    repeatable = False
    runs = Runs.ON_LOOP
    config_keys = frozenset((*TEXTS, "url", "channel", "messages"))
    secret_keys = frozenset(("secret_url", "token"))

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        reader = reader_of(config, secrets, self.config_keys | self.secret_keys)
        if reader.has("token"):
            _check_bot(reader)
        else:
            check_url(reader, "secret_url" if reader.has("secret_url") else "url")
            if reader.has("channel"):
                reader.problem(
                    "channel", "needs a token: an incoming webhook writes to the channel it was made for"
                )
        _check_texts(reader)
        check_messages(reader, TEXTS, _check_texts)
        return reader.problems.found

    async def call(self, settings: ProviderSettings, call: Call) -> Answer:
        message, headers = _message(settings, call), {"Content-Type": f"{JSON}; charset=utf-8"}
        if token := settings.secrets.get("token"):
            message["channel"] = settings.config["channel"]
            headers["Authorization"] = f"Bearer {token}"
        request = HttpRequest("POST", _address(settings), headers, encode_json(message))
        said = (await exchange(request, call.timeout_seconds)).body
        if said.get("ok") is False:
            raise _refusal(said.get("error"))
        if token and said.get("ok") is not True:
            raise not_its_own("Slack")
        where: dict[str, Any] = {name: said[name] for name in ("channel", "ts") if name in said}
        return Answer({"provider": settings.name, "sent": True, **where})


def _address(settings: ProviderSettings) -> str:
    address = settings.secrets.get("secret_url") or settings.config.get("url") or POST_MESSAGE
    return str(address)


def _message(settings: ProviderSettings, call: Call) -> dict[str, Any]:
    words, context = wording(settings, call), context_of(call, _escaped)
    if "text" in words:
        text = templating.as_text(templating.render(words["text"], context))
    else:  # no template: braces inside a value stay what they are
        text = f"*{_escaped(call.action_type)}*\n{_escaped(readable(call.payload))}"
    message: dict[str, Any] = {"text": cut(text, MOST_TEXT)}
    if "blocks" in words:
        message["blocks"] = _within(templating.render(words["blocks"], context))
    return message


def _within(value: Any) -> Any:
    """The same, no text in it longer than Slack takes: for one value of a customer's it refuses the whole message."""
    if isinstance(value, str):
        return cut(value, MOST_BLOCK_TEXT)
    if isinstance(value, Mapping):
        return {name: _within(item) for name, item in value.items()}
    return [_within(item) for item in value] if isinstance(value, (list, tuple)) else value


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refusal(error: object) -> ProviderError:
    """The Web API refuses with status 200."""
    name = error if isinstance(error, str) and ERROR.fullmatch(error) else "no reason"
    if name in LIMITS:
        return ProviderError(RATE_LIMITED, f"Slack answers {name}", retryable=True)
    in_doubt = name in IN_DOUBT
    return ProviderError(
        EXECUTION_FAILED, f"Slack answers {name}", retryable=in_doubt or name in LATER, unknown=in_doubt
    )


def _check_bot(reader: Reader) -> None:
    token = reader.text("token")
    if not token.isascii() or not token.isprintable():
        reader.problem("token", "must be printable ASCII text, such as xoxb-…")
    if not reader.text("channel"):
        reader.problem("channel", "is required with a token: a channel's id, such as C0123456789")
    if reader.has("secret_url"):
        reader.problem("secret_url", "stands beside token; keep one of them (secret_url: null forgets it)")
    if reader.has("url"):
        check_url(reader)


def _check_texts(reader: Reader) -> None:
    check_texts(reader, ("text",))
    blocks = reader.items("blocks")
    if len(blocks) > MOST_BLOCKS or not all(isinstance(block, Mapping) for block in blocks):
        reader.problem(
            "blocks", f"must be a list of at most {MOST_BLOCKS} objects, as Slack's Block Kit has them"
        )
    check_placeholders(reader, "blocks")
