"""Log lines: structured, stamped with the request id, and redacted whoever wrote them.

`configure()` is called once, at start-up. Django's, Celery's and the libraries' own lines go the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

import structlog
from celery.signals import setup_logging
from django.conf import settings
from structlog.typing import Processor

from acteon_site.watching.strangers import Refusals

JSON, CONSOLE = "json", "console"
# Their debug and info lines hold SQL parameters and whole URLs.
QUIET = (
    "django.db.backends",
    "django_eventstream",
    "httpx",
    "httpcore",
    "asyncio",
    "kombu",
    "amqp",
    "urllib3",
)
# They tell of every message at info level, ten a second where nothing happens. Tasks that fail are errors.
EVERY_MESSAGE = ("celery.beat", "celery.worker.strategy", "celery.app.trace")
_PLAIN = (str, int, float, bool, dict, list, tuple, type(None))

Line = MutableMapping[str, Any]


class TextRedactor(Protocol):
    """Blanks names, known secrets and card numbers in every value of a line."""

    def clean(self, line: dict[str, Any]) -> Any: ...

    def text(self, text: str) -> str: ...


_redactor: Callable[[], TextRedactor]


def configure(redactor: Callable[[], TextRedactor]) -> None:
    """Set up structlog and the standard library's logging. Reads LOG_FORMAT (json, console) and LOG_LEVEL.

    `redactor` gives the redaction in force; it is asked for every line, so it must ask no database.
    """
    global _redactor
    _redactor = redactor
    if settings.LOG_FORMAT not in (JSON, CONSOLE):
        raise ValueError(f"ACTEON_LOG_FORMAT must be json or console, not {settings.LOG_FORMAT!r}")
    shared = _shared_processors()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _take_over_root(_formatter(shared))
    # Otherwise a Celery worker replaces the root logger's handlers by its own, which redact nothing.
    setup_logging.connect(_keep_ours, weak=False, dispatch_uid="acteon-logs")


def redact(_logger: Any, _method: str, line: Line) -> Line:
    shown = {key: value if isinstance(value, _PLAIN) else repr(value) for key, value in line.items()}
    cleaned: Line = _redactor().clean(shown)
    return cleaned


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(shared: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # The traceback becomes text before the redaction, or its exception's message would slip past.
            structlog.processors.format_exc_info,
            redact,
            _renderer(),
        ],
    )


def _take_over_root(formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(_is_no_answer_of_ready)  # first: the other takes the request out of the record
    handler.addFilter(Refusals())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.LOG_LEVEL)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in EVERY_MESSAGE:
        told = root.isEnabledFor(logging.DEBUG)
        logging.getLogger(name).setLevel(logging.NOTSET if told else logging.WARNING)


def _is_no_answer_of_ready(record: logging.LogRecord) -> bool:
    """503 is how /ready and /status answer while something is away, every few seconds, and no error of their own."""
    path = getattr(getattr(record, "request", None), "path", "")
    return not (record.name == "django.request" and path in ("/ready", "/status") and not record.exc_info)


def _renderer() -> Processor:
    if settings.LOG_FORMAT == JSON:
        return structlog.processors.JSONRenderer(default=_shown, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False)


def _shown(value: object) -> str:
    return _redactor().text(repr(value))


def _keep_ours(**_settings: Any) -> None:
    """Celery configures no logging while something is connected to its signal."""
