"""Log lines tell what happened and no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import pytest
import structlog

from acteon_site.watching import logs
from audit_app.redaction import Redactor
from audit_app.selectors import log_redactor

MARK = "[REDACTED]"


@contextmanager
def configured() -> Iterator[None]:
    """For one test's own lines: the handler writes to the stderr of this moment."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    logs.configure(log_redactor)
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.contextvars.clear_contextvars()


@pytest.fixture(autouse=True)
def _as_json(settings: Any) -> None:
    settings.LOG_FORMAT = "json"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_carries_time_level_and_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        structlog.contextvars.bind_contextvars(request_id="req-7")
        structlog.get_logger().info("order_placed", order="o-1")
        logging.getLogger("django.request").warning("Not Found: %s", "/x")
    ours, theirs = lines(capsys)
    assert ours.pop("timestamp").endswith("Z")
    assert (
        ours.items()
        >= {"event": "order_placed", "level": "info", "request_id": "req-7", "order": "o-1"}.items()
    )
    assert theirs.items() >= {"event": "Not Found: /x", "level": "warning", "request_id": "req-7"}.items()


def test_names_card_numbers_and_known_secrets_are_blanked(capsys: pytest.CaptureFixture[str]) -> None:
    def request() -> None:
        Redactor(["note"]).scrubber({"note": "meet at noon"})
        log = structlog.get_logger()
        log.info(
            "meet at noon",
            card_number="41",
            deep={"Password": "x"},
            text="4111 1111 1111 1111",
            thing={1: b"x"},
        )
        try:
            raise ValueError("no meet at noon, authorization: Bearer-abc")
        except ValueError:
            log.exception("failed")
        logging.getLogger("any").error("said %s", "meet at noon", extra={"secret": "s"})

    with configured():
        copy_context().run(request)
    text = capsys.readouterr().err
    for secret in ("noon", '"41"', '"x"', "4111", "Bearer-abc", '"s"'):
        assert secret not in text
    assert "ValueError" in text


def test_another_requests_secrets_are_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        copy_context().run(lambda: Redactor(["a"]).scrubber({"a": "tuesday"}))
        copy_context().run(lambda: structlog.get_logger().info("it is tuesday"))
    assert lines(capsys)[0]["event"] == "it is tuesday"


def test_an_unknown_format_is_refused(settings: Any) -> None:
    settings.LOG_FORMAT = "xml"
    with pytest.raises(ValueError, match="json or console"):
        logs.configure(log_redactor)


def test_celery_leaves_the_log_alone() -> None:
    from celery.signals import setup_logging

    with configured():
        assert setup_logging.send(sender=None)
