"""Times as people read them on the admin's pages."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span_text(seconds: float) -> str:
    """The two largest units: 75 as "1 min 15 s", 90,000 as "1 d 1 h"."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def countdown(at: datetime, words: str = "{} left", over: str = "time is over") -> SafeString:
    """The time until `at`, counted on by admin.js from what the server saw."""
    seconds = int((at - timezone.now()).total_seconds())
    text = words.format(span_text(seconds)) if seconds > 0 else over
    urgent = " gw-urgent" if seconds <= 60 else ""
    return format_html(
        '<time class="gw-left{}" datetime="{}" title="{}" data-left="{}" data-words="{}" data-over="{}">{}</time>',
        urgent, at.isoformat(), moment(at), seconds, words, over, text,
    )  # fmt: skip


def ago(at: datetime) -> str:
    return f"{span_text((timezone.now() - at).total_seconds())} ago"
