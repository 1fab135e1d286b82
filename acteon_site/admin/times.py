"""Times that count on while the page is open."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from acteon_site.base.clock_text import moment, span_text


def countdown(at: datetime, words: str = "{} left", over: str = "time is over") -> SafeString:
    """The time until `at`, counted on by admin.js from what the server saw."""
    seconds = int((at - timezone.now()).total_seconds())
    text = words.format(span_text(seconds)) if seconds > 0 else over
    urgent = " gw-urgent" if seconds <= 60 else ""
    return format_html(
        '<time class="gw-left{}" datetime="{}" title="{}" data-left="{}" data-words="{}" data-over="{}">{}</time>',
        urgent, at.isoformat(), moment(at), seconds, words, over, text,
    )  # fmt: skip
