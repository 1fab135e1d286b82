"""`twilio`: one text message per call, through Twilio's Messages API (or one that speaks it).

Twilio knows no message again: an unknown outcome is never repeated. Its queue may be full at status 400, so what a
refusal means is read from Twilio's own code. Its texts hold telephone numbers, and are not passed on.
Protocol: twilio.com/docs/messaging/api/message-resource and /docs/api/errors.
"""

from __future__ import annotations

import base64
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
from chains_app.providers.encoding import FORM, encode_form
from chains_app.providers.exchange import MAX_ANSWER_BYTES, failure, judged, not_its_own, reasons, response_to
from chains_app.providers.reading import Response
from chains_app.providers.requests import HttpRequest
from chains_app.providers.statuses import DEFAULT
from chains_app.providers.texts import check_messages, check_texts, context_of, reader_of, wording
from chains_app.providers.webhook_checks import check_url

HOST = "https://api.twilio.com"
TEXTS = ("to", "body")
MOST_BODY = 1600
NUMBER = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}")
SENDER = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11}")
ACCOUNT, KEY, SERVICE = (re.compile(rf"{begin}[0-9a-fA-F]{{32}}") for begin in ("AC", "SK", "MG"))
# Too many requests, and three queues that are full.
LIMITS = frozenset((20429, 14107, 21611, 30001))
MEANINGS: Mapping[int, str] = {
    20003: "it refuses the sign-in",
    21211: "the recipient's number does not exist",
    21608: "a trial account writes to verified numbers only",
    21610: "the recipient has opted out",
    21614: "the recipient's number takes no text messages",
}


class TwilioKind:
    name = "twilio"
    repeatable = False
    runs = Runs.ON_LOOP
    config_keys = frozenset(
        (*TEXTS, "account_sid", "api_key_sid", "from", "messaging_service_sid", "url", "messages")
    )
    secret_keys = frozenset(("auth_token",))

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        reader = reader_of(config, secrets, self.config_keys | self.secret_keys)
        _check_account(reader)
        if reader.has("from") == reader.has("messaging_service_sid"):
            reader.problem("from", "is required, or messaging_service_sid in its place; one of them")
        if reader.has("from") and not SENDER.fullmatch(reader.text("from")):
            reader.problem("from", "must be a number such as +15005550006, a short code or a name")
        for key in TEXTS:
            if not reader.has(key):
                reader.problem(key, f'is required, for example "{{{{payload.{key}}}}}"')
        check_texts(reader, TEXTS)
        check_messages(reader, TEXTS, lambda inner: check_texts(inner, TEXTS))
        return reader.problems.found

    async def call(self, settings: ProviderSettings, call: Call) -> Answer:
        response = await response_to(_request(settings, call), call.timeout_seconds, MAX_ANSWER_BYTES)
        if response.status not in DEFAULT.success:
            raise _refusal(response)
        said = judged(response).body
        if not isinstance(said.get("sid"), str) or not said["sid"]:
            raise not_its_own("Twilio")
        kept: dict[str, Any] = {name: said[name] for name in ("sid", "status") if name in said}
        return Answer({"provider": settings.name, "sent": True, **kept})


def _request(settings: ProviderSettings, call: Call) -> HttpRequest:
    config = settings.config
    account = config["account_sid"]
    user = config.get("api_key_sid", account)
    signed = base64.b64encode(f"{user}:{settings.secrets['auth_token']}".encode()).decode()
    headers = {"Authorization": f"Basic {signed}", "Content-Type": FORM, "Accept": "application/json"}
    address = f"{config.get('url', HOST).rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
    return HttpRequest("POST", address, headers, encode_form(_message(settings, call)))


def _message(settings: ProviderSettings, call: Call) -> dict[str, str]:
    words, context = wording(settings, call), context_of(call)
    to = templating.as_text(templating.render(words["to"], context)).strip()
    body = templating.as_text(templating.render(words["body"], context))
    if not NUMBER.fullmatch(to):
        raise ProviderError(EXECUTION_FAILED, "the recipient is no telephone number such as +15005550006")
    if not body.strip() or len(body) > MOST_BODY:
        raise ProviderError(
            EXECUTION_FAILED, f"the text must have 1 to {MOST_BODY} characters, not {len(body)}"
        )
    service = settings.config.get("messaging_service_sid")
    sender = {"MessagingServiceSid": service} if service else {"From": settings.config["from"]}
    return {"To": to, **sender, "Body": body}


def _refusal(response: Response) -> ProviderError:
    """Without Twilio's own words, which repeat numbers, also where they come without its code."""
    code = (reasons(response) or {}).get("code")
    error = failure(response)
    if not isinstance(code, int):
        error.message = f"HTTP {response.status}"
        return error
    error.message = f"HTTP {response.status}: Twilio's error {code}" + (
        f", {MEANINGS[code]}" if code in MEANINGS else ""
    )
    if code in LIMITS:
        error.code, error.retryable = RATE_LIMITED, True
    return error


def _check_account(reader: Reader) -> None:
    if not ACCOUNT.fullmatch(reader.text("account_sid")):
        reader.problem("account_sid", "must be AC and 32 hexadecimal digits")
    if reader.has("api_key_sid") and not KEY.fullmatch(reader.text("api_key_sid")):
        reader.problem("api_key_sid", "must be SK and 32 hexadecimal digits; auth_token is its secret then")
    if reader.has("messaging_service_sid") and not SERVICE.fullmatch(reader.text("messaging_service_sid")):
        reader.problem("messaging_service_sid", "must be MG and 32 hexadecimal digits")
    token = reader.text("auth_token")
    if len(token) < 8 or not token.isascii() or not token.isprintable():
        reader.problem("auth_token", "is required: the account's token, or the secret of api_key_sid")
    if reader.has("url"):
        check_url(reader)
