"""Mail over real SMTP: one deadline for the whole call, and what a mail that was cut off may have done."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.mail.utils import DNS_NAME

from chains_app.providers import smtp
from chains_app.providers.base import Call, ProviderError, ProviderSettings
from chains_app.providers.calling import call_provider
from chains_app.providers.email import EmailKind
from tests.chains_app.doors import called
from tests.chains_app.mail_server import MailServer, mail_server_running
from tests.chains_app.test_outbound_tls import HOST, certificate

LATE = 1.9  # far more than a call may take, for busy machines; every slow server here waits longer
MAIL = ProviderSettings("email-service", "email", {"to": "{{payload.to}}", "subject": "Hello"})
CALL = Call(
    provider="email-service",
    action_type="order_confirmation",
    payload={"to": "ada@example.com", "order_id": "o-1"},
    namespace="ecommerce",
    tenant="acme-store",
    action_id="a-1",
    idempotency_key="run-1:notify",
    timeout_seconds=0.5,
)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server_running() as mail:
        settings.EMAIL_BACKEND = smtp.DJANGOS
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield mail


def failure(call: Call = CALL) -> tuple[ProviderError, float]:
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        called(EmailKind(), MAIL, call)
    return caught.value, time.monotonic() - started


def test_a_mail_goes_out_over_smtp(server: MailServer) -> None:
    assert called(EmailKind(), MAIL, CALL).body == {
        "provider": "email-service",
        "sent": True,
        "recipients": 1,
    }
    assert b"Subject: Hello" in server.accepted[0]
    assert server.heard == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_a_server_that_is_slow_with_every_answer_does_not_multiply_the_time(server: MailServer) -> None:
    server.waits = {"every": 0.45}
    error, took = failure()
    assert took < LATE
    assert (error.code, error.retryable, error.unknown, error.settles) == ("TIMEOUT", True, False, False)
    assert server.accepted == []


def test_an_answer_that_drips_ends_with_the_time_of_the_call(server: MailServer) -> None:
    server.drips = 0.1
    error, took = failure()
    assert took < LATE
    assert (error.code, error.unknown) == ("TIMEOUT", False)


def test_an_answer_without_an_end_ends_with_the_time_of_the_call(server: MailServer) -> None:
    server.replies = {"EHLO": b"250-more\r\n" * 5000}
    server.drips = 0.0001
    error, took = failure()
    assert took < LATE
    assert error.code == "TIMEOUT"


@pytest.mark.parametrize("at", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
def test_silence_before_the_mail_went_over_had_no_effect(server: MailServer, at: str) -> None:
    server.waits = {at: 3}
    error, took = failure()
    assert took < LATE
    assert (error.code, error.retryable, error.unknown) == ("TIMEOUT", True, False)


def test_silence_after_the_mail_went_over_is_of_unknown_outcome(server: MailServer) -> None:
    server.waits = {"text": 3}
    error, took = failure()
    assert took < LATE
    assert (error.code, error.retryable, error.unknown) == ("TIMEOUT", True, True)
    deadline = time.monotonic() + 3
    while not server.accepted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(server.accepted) == 1  # it did go out: nobody could tell


@pytest.mark.parametrize(
    ("at", "code", "unknown"),
    [("greeting", "CONNECTION", False), ("RCPT", "CONNECTION", False), ("text", "CONNECTION", True)],
)
def test_a_server_that_hangs_up_is_in_doubt_only_with_the_mail_in_its_hands(
    server: MailServer, at: str, code: str, unknown: bool
) -> None:
    server.replies = {at: None}
    error, _ = failure()
    assert (error.code, error.retryable, error.unknown) == (code, True, unknown)


@pytest.mark.parametrize(
    ("at", "reply", "retryable"),
    [
        ("RCPT", b"450 busy\r\n", True),
        ("RCPT", b"550 who\r\n", False),
        ("MAIL", b"451 later\r\n", True),
        ("DATA", b"554 no\r\n", False),
        ("text", b"451 later\r\n", True),
        ("text", b"554 spam\r\n", False),
    ],
)
def test_a_refusal_is_definite_even_where_the_goodbye_is_slow(
    server: MailServer, at: str, reply: bytes, retryable: bool
) -> None:
    server.replies = {at: reply}
    server.waits = {"RSET": 2, "QUIT": 2}
    error, took = failure()
    assert took < LATE
    assert (error.code, error.retryable, error.unknown) == ("EXECUTION_FAILED", retryable, False)


def test_a_mail_that_is_accepted_is_sent_however_slow_the_goodbye(server: MailServer) -> None:
    server.waits = {"QUIT": 3}
    started = time.monotonic()
    assert called(EmailKind(), MAIL, replace(CALL, timeout_seconds=5)).body["sent"] is True
    assert time.monotonic() - started < 2.8
    server.replies = {"QUIT": None}
    assert called(EmailKind(), MAIL, CALL).body["sent"] is True


def test_a_large_mail_to_a_server_that_does_not_read_ends_in_time(settings: Any) -> None:
    release = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        settings.EMAIL_BACKEND = smtp.DJANGOS
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", listening.getsockname()[1]

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for reply in (b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"250 a\r\n", b"354 a\r\n"):
                    connection.sendall(reply)
                    time.sleep(0.02)
                release.wait(60)

        threading.Thread(target=serve, daemon=True).start()
        payload = {"to": "ada@example.com", "note": "x" * 10_000_000}
        error, took = failure(replace(CALL, payload=payload, timeout_seconds=2))
        release.set()
    assert took < 30  # the server would hold it for a minute
    assert (error.code, error.unknown) == ("TIMEOUT", True)


def test_nobody_listening_is_a_connection_that_may_be_tried_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = smtp.DJANGOS
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = closed.getsockname()
        error, _ = failure()
    assert (error.code, error.retryable, error.unknown) == ("CONNECTION", True, False)


def test_a_resolver_that_hangs_ends_with_the_call(
    server: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    DNS_NAME.get_fqdn()
    settings.EMAIL_HOST = "mail.example"
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(5))
    error, took = failure()
    release.set()
    assert took < LATE
    assert (error.code, error.unknown) == ("TIMEOUT", False)


@pytest.mark.parametrize("how", ["EMAIL_USE_TLS", "EMAIL_USE_SSL"])
def test_the_deadline_holds_over_tls_too(
    server: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    path = certificate(tmp_path)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(smtp.DeadlineBackend, "ssl_context", trusting)
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, *a, **k: real("127.0.0.1", port, *a, **k))
    settings.EMAIL_HOST = HOST
    setattr(settings, how, True)
    server.begins_with_tls = how == "EMAIL_USE_SSL"
    assert called(EmailKind(), MAIL, replace(CALL, timeout_seconds=5)).body["sent"] is True
    server.waits = {"text": 3}
    error, took = failure()
    assert (error.code, error.unknown) == ("TIMEOUT", True)
    assert took < LATE
    server.begins_with_tls, server.waits = False, {"greeting": 3, "STARTTLS": 3}
    error, took = failure()
    assert (error.code, error.unknown) == ("TIMEOUT", False)
    assert took < LATE


def test_through_the_one_door_it_is_the_same(server: MailServer, db: None) -> None:
    server.waits = {"text": 3}
    with pytest.raises(ProviderError) as caught:
        call_provider(MAIL, CALL)
    assert (caught.value.code, caught.value.unknown) == ("TIMEOUT", True)
    assert "ada@example.com" not in str(caught.value)
