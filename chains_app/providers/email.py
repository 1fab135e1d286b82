"""`email`: one mail per call through Django's configured backend, over SMTP within the time of the call.

`to`, `subject`, `body`, `from` and `reply_to` are templates over {{payload.x}}, {{amount}}, {{action_type}},
{{action_id}}, {{namespace}} and {{tenant}}; `messages` gives an action type its own. No mail server knows a
mail again, so an unknown outcome is never repeated.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from acteon_site.base.digest import keyed_hash
from acteon_site.base.errors import FieldProblem
from chains_app import templating
from chains_app.definitions.reader import Reader
from chains_app.providers import smtp, time_left
from chains_app.providers.base import (
    CONNECTION,
    EXECUTION_FAILED,
    TIMEOUT,
    Answer,
    Call,
    ProviderError,
    ProviderSettings,
    Runs,
)
from chains_app.providers.texts import check_messages, check_texts, context_of, readable, reader_of, wording

TEXT_KEYS = ("to", "subject", "body", "from", "reply_to")
MAX_SUBJECT = 200


class EmailKind:
    name = "email"
    repeatable = False
    runs = Runs.IN_THREAD
    config_keys = frozenset({*TEXT_KEYS, "messages"})
    secret_keys: frozenset[str] = frozenset()

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        reader = reader_of(config, secrets, self.config_keys)
        if not reader.has("to"):
            reader.problem("to", 'is required, for example "{{payload.customer_email}}"')
        _check_texts(reader)
        check_messages(reader, TEXT_KEYS, _check_texts)
        return reader.problems.found

    def call(self, settings: ProviderSettings, call: Call) -> Answer:
        message = compose(settings, call)
        with time_left.deadline(call.timeout_seconds):
            _deliver(message, call.timeout_seconds)
        return Answer({"provider": settings.name, "sent": True, "recipients": len(message.to)})


def _deliver(message: EmailMessage, timeout_seconds: float) -> None:
    connection = get_connection(smtp.backend(), timeout=timeout_seconds)
    try:
        _open(connection)
        connection.send_messages([message])
    except OSError as error:  # an SMTPException is one, too
        raise _failure(error, unknown=smtp.in_doubt(connection)) from None
    finally:
        _close(connection)


def _open(connection: Any) -> None:
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError:
        raise ProviderError(EXECUTION_FAILED, "the mail server refuses the sign-in") from None
    except (smtplib.SMTPException, OSError):
        if time_left.is_over():
            raise ProviderError(TIMEOUT, "the mail server is not reachable in time", True) from None
        raise ProviderError(CONNECTION, "the mail server is not reachable", True) from None


def _close(connection: Any) -> None:
    """Whether the mail was sent is known by now, so an error in closing changes nothing."""
    with suppress(smtplib.SMTPException, OSError):
        connection.close()


def compose(settings: ProviderSettings, call: Call) -> EmailMessage:
    """The mail of a call. Only the configuration can name several recipients, never a value inside it."""
    config, context = wording(settings, call), context_of(call)
    texts = {key: templating.render(config[key], context) for key in TEXT_KEYS if key in config}
    return EmailMessage(
        subject=one_line(texts.get("subject", f"{call.action_type} {call.action_id}"))[:MAX_SUBJECT],
        body=templating.as_text(texts.get("body", readable(call.payload))),
        from_email=one_line(texts["from"]) if texts.get("from") else None,
        to=addresses(texts["to"]),
        reply_to=addresses(texts["reply_to"]) if texts.get("reply_to") else None,
        headers={"Message-ID": f"<{keyed_hash('mail', call.idempotency_key)[:40]}@acteon>"},
    )


def one_line(value: Any) -> str:
    """Text that cannot begin a second header."""
    return " ".join(templating.as_text(value).split())


def addresses(value: Any) -> list[str]:
    """Each item must be one plain address: a comma or a line end inside a value reaches nobody else."""
    items = value if isinstance(value, list) else [value]
    found = [item.strip() for item in items if isinstance(item, str) and item.strip()]
    try:
        for item in found:
            validate_email(item)
    except ValidationError:
        found = []
    if not found:
        raise ProviderError(EXECUTION_FAILED, "the recipient is no mail address")
    return found


def _failure(error: OSError, *, unknown: bool) -> ProviderError:
    """The server's refusal, or a silence: what was cut off while the mail went over may have been accepted."""
    if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
        return _refusal(error)
    if time_left.is_over():
        return ProviderError(TIMEOUT, "the mail server did not answer in time", True, unknown)
    return ProviderError(CONNECTION, "the connection to the mail server broke", True, unknown)


def _refusal(error: smtplib.SMTPException) -> ProviderError:
    """4xx answers ask to come back."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return ProviderError(
            EXECUTION_FAILED, "the mail server refuses the recipient", all(c < 500 for c in codes)
        )
    code = getattr(error, "smtp_code", 500)
    return ProviderError(EXECUTION_FAILED, f"the mail server answers {code}", retryable=400 <= code < 500)


def _check_texts(reader: Reader) -> None:
    check_texts(reader, TEXT_KEYS, several=("to", "reply_to"))
