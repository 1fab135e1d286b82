"""The registry, the log and mail providers, and the one door through which providers are called."""

from __future__ import annotations

import smtplib
from dataclasses import replace
from typing import Any

import pytest
import structlog
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from audit_app.models import RedactedField
from chains_app.providers.base import Answer, Call, ProviderError, ProviderSettings
from chains_app.providers.calling import call_provider
from chains_app.providers.email import EmailKind
from chains_app.providers.registry import KINDS, kind_of
from tests.chains_app.doors import called
from tests.chains_app.peer import peer_running

CALL = Call(
    provider="email-service",
    action_type="order_confirmation",
    payload={"order_id": "o-1", "customer_email": "a@example.com", "card_number": "tok_supersecret"},
    namespace="ecommerce",
    tenant="acme-store",
    action_id="a-1",
    idempotency_key="run-1:notify",
    timeout_seconds=5,
)
LOG = ProviderSettings("payment-gateway", "log")
MAIL = ProviderSettings(
    "email-service",
    "email",
    {
        "to": "{{payload.customer_email}}",
        "subject": "Order {{payload.order_id}}",
        "body": "Thank you for {{payload.order_id}}.",
        "messages": {"fraud_alert": {"to": ["risk@shop.example", "boss@shop.example"], "subject": "Look!"}},
    },
)


def test_every_kind_of_the_table_has_the_parts_that_the_protocol_asks_for() -> None:
    assert set(KINDS) == {"log", "webhook", "email", "slack", "teams", "pagerduty", "twilio"}
    for name, kind in KINDS.items():
        assert kind.name == name
        assert isinstance(kind.repeatable, bool)
        assert not kind.config_keys & kind.secret_keys
        assert isinstance(kind.check({}, {}), list)
        assert kind.check({"no_such_key": 1}, {})[-1].message
    with pytest.raises(TypeError):
        KINDS["pigeon"] = KINDS["log"]  # type: ignore[index]
    with pytest.raises(ProviderError):
        kind_of(ProviderSettings("x", "pigeon"))


def test_a_log_provider_answers_its_name_and_logs_no_value() -> None:
    with structlog.testing.capture_logs() as lines:
        answer = called(KINDS["log"], LOG, CALL)
    assert answer == Answer({"provider": "payment-gateway", "logged": True})
    assert lines[0]["event"] == "provider_logged"
    assert "a@example.com" not in str(lines)


@pytest.fixture
def sent(db: None) -> list[mail.EmailMessage]:
    return mail.outbox


def test_a_mail_is_rendered_and_sent(sent: list[mail.EmailMessage]) -> None:
    assert called(EmailKind(), MAIL, CALL).body == {
        "provider": "email-service",
        "sent": True,
        "recipients": 1,
    }
    message = sent[0]
    assert (message.to, message.subject) == (["a@example.com"], "Order o-1")
    assert message.body == "Thank you for o-1."
    assert message.extra_headers["Message-ID"].startswith("<")


def test_an_action_type_may_have_a_mail_of_its_own(sent: list[mail.EmailMessage]) -> None:
    called(EmailKind(), MAIL, replace(CALL, action_type="fraud_alert"))
    assert sent[0].to == ["risk@shop.example", "boss@shop.example"]
    assert (sent[0].subject, sent[0].body) == ("Look!", "Thank you for o-1.")


@pytest.mark.parametrize(
    "address",
    [
        *("a@example.com, b@evil.example", "a@example.com\nBcc: b@evil.example", "A <a@example.com>"),
        *("", None, 7, "no address", ["a@example.com", "x"], {"a": 1}),
    ],
)
def test_a_value_can_never_add_a_recipient(sent: list[mail.EmailMessage], address: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        called(EmailKind(), MAIL, replace(CALL, payload={**CALL.payload, "customer_email": address}))
    assert (caught.value.retryable, caught.value.unknown) == (False, False)
    assert sent == []


def test_a_value_can_never_add_a_header(sent: list[mail.EmailMessage]) -> None:
    evil = "o-1\r\nBcc: b@evil.example"
    called(EmailKind(), MAIL, replace(CALL, payload={**CALL.payload, "order_id": evil}))
    assert sent[0].subject == "Order o-1 Bcc: b@evil.example"
    assert sent[0].recipients() == ["a@example.com"]
    assert "\nBcc:" not in sent[0].message().as_string().split("\n\n")[0]


@pytest.mark.parametrize(
    ("error", "retryable", "unknown"),
    [
        (smtplib.SMTPServerDisconnected("gone"), True, True),
        (smtplib.SMTPDataError(451, b"later"), True, False),
        (smtplib.SMTPDataError(554, b"never"), False, False),
        (smtplib.SMTPRecipientsRefused({"a@example.com": (450, b"busy")}), True, False),
        (smtplib.SMTPRecipientsRefused({"a@example.com": (550, b"who")}), False, False),
        (ConnectionResetError(), True, True),
    ],
)
def test_what_the_mail_server_says_decides_the_retry(
    monkeypatch: pytest.MonkeyPatch, db: None, error: Exception, retryable: bool, unknown: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    with pytest.raises(ProviderError) as caught:
        called(EmailKind(), MAIL, CALL)
    assert (caught.value.retryable, caught.value.unknown) == (retryable, unknown)
    assert "a@example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "to"),
        ({"to": 5}, "to"),
        ({"to": "{{customer}}"}, "to"),
        ({"to": "a@example.com", "subject": ["x"]}, "subject"),
        ({"to": "a@example.com", "messages": {"t": {"body": 1}}}, "messages.t.body"),
        ({"to": "a@example.com", "messages": {"t": {"cc": "x"}}}, "messages.t.cc"),
        ({"to": "a@example.com", "messages": {"t": "x"}}, "messages.t"),
        ({"to": "a@example.com", "messages": "x"}, "messages"),
    ],
)
def test_wrong_mail_settings_are_named(config: dict[str, Any], field: str) -> None:
    assert field in [problem.field for problem in EmailKind().check(config, {})]


def test_a_call_inside_a_transaction_is_refused(db: None) -> None:
    assert call_provider(LOG, CALL).body["logged"] is True
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a transaction"):
        call_provider(LOG, CALL)


def test_a_provider_that_is_switched_off_is_not_called(db: None) -> None:
    with pytest.raises(ProviderError) as caught:
        call_provider(replace(LOG, enabled=False), CALL)
    assert caught.value.code == "CONFIGURATION"


def test_a_surprise_is_a_failure_of_unknown_outcome(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> Answer:
        raise RuntimeError("tok_supersecret")

    monkeypatch.setattr(KINDS["log"], "call", explode)
    with structlog.testing.capture_logs() as lines, pytest.raises(ProviderError) as caught:
        call_provider(LOG, CALL)
    error = caught.value
    assert (error.code, error.retryable, error.unknown) == ("EXECUTION_FAILED", False, True)
    assert "tok_supersecret" not in str(error) + str(lines)
    assert error.__cause__ is None


def test_error_texts_carry_neither_secrets_nor_redacted_values(db: None, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    RedactedField.objects.create(path="card_number")
    with peer_running() as peer:
        peer.answers(400, {"error": "key sk_live_abcdef cannot charge tok_supersecret"})
        webhook = ProviderSettings(
            "gw", "webhook", {"url": peer.url}, {"headers": {"Authorization": "Bearer sk_live_abcdef"}}
        )
        with pytest.raises(ProviderError) as caught:
            call_provider(webhook, CALL)
    assert caught.value.message == "HTTP 400: key [secret] cannot charge [REDACTED]"
    assert "sk_live_abcdef" not in repr(webhook)
