"""What strangers can make the log say: one short line for each of their requests, and not too many of them."""

from __future__ import annotations

import logging
import threading
import time

# Django tells here of requests that it refuses: at error level and with a traceback where it finds one suspicious.
REFUSALS = ("django.request", "django.security")
LINE = 300  # characters: paths and Host headers have up to 64 KiB
LINES = 20
SECONDS = 10.0


class Refusals(logging.Filter):
    """At most LINES of refused requests in SECONDS; the first one after tells how many were left out.

    What fails here, and does not only refuse, is an error with its traceback as ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._window, self._lines, self._left_out = 0.0, 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        _name_request(record)
        if not _is_refusal(record):
            return True
        left_out = self._counted()
        if left_out is None:
            return False
        _shorten(record, left_out)
        return True

    def _counted(self) -> int | None:
        """How many lines were left out before this one; None where it is left out itself."""
        with self._lock:
            if time.monotonic() - self._window >= SECONDS:
                self._window, self._lines = time.monotonic(), 0
            self._lines += 1
            if self._lines > LINES:
                self._left_out += 1
                return None
            left_out, self._left_out = self._left_out, 0
            return left_out


def _name_request(record: logging.LogRecord) -> None:
    """Django tells of many an answer after it has left the middleware that bound its request's id."""
    if request_id := getattr(getattr(record, "request", None), "request_id", None):
        record.request_id = request_id


def _is_refusal(record: logging.LogRecord) -> bool:
    if not any(record.name == name or record.name.startswith(f"{name}.") for name in REFUSALS):
        return False
    return _status(record) < 500 or not record.exc_info


def _status(record: logging.LogRecord) -> int:
    return int(getattr(record, "status_code", 500))


def _shorten(record: logging.LogRecord, left_out: int) -> None:
    text = record.getMessage()
    record.msg = text if len(text) <= LINE else f"{text[:LINE]}…"
    record.args = ()
    record.exc_info = None
    if _status(record) < 500:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    record.__dict__.pop("request", None)  # its repr holds the whole path again
    if left_out:
        record.left_out = left_out
