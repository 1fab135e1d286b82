"""The storefront guide's table of limits says what the constants say."""

from __future__ import annotations

import inspect
import json
import re

from django.conf import settings

from acteon_site.access import login_limits
from acteon_site.access import views as views_auth
from acteon_site.base.errors import AppError
from acteon_site.base.names import MAX_LENGTH
from acteon_site.http import heavy
from acteon_site.http.bodies import SMALL
from acteon_site.http.endpoint import MAX_LIMIT, MAX_OFFSET
from acteon_site.http.strict_json import MAX_DEPTH, MAX_DIGITS
from acteon_site.serving import protocol
from audit_app.api.views_audit import DEFAULT_LIMIT
from audit_app.services.retention import LONGEST_TTL
from audit_app.stream.listener import QUEUE_SIZE
from chains_app.definitions import model as chains
from chains_app.definitions import reader
from chains_app.definitions.reader import Reader
from chains_app.definitions.retry import MAX_RETRIES
from orders_app.api import together
from orders_app.api.views_dispatch import MAX_BATCH
from orders_app.api.views_orders import MAX_REASON
from orders_app.pipeline.dispatch import CALL_SECONDS
from orders_app.recurring import spec
from orders_app.sandbox.budget import MAX_SECONDS, MAX_STEPS, MAX_TEXT, MAX_WRITTEN
from orders_app.sandbox.environment import MAX_NESTED, MAX_RANGE
from orders_app.sandbox.rendering import MAX_TEMPLATE
from orders_app.services.idempotency import KEPT, MAX_KEY
from orders_app.services.recurring import by_hand
from rules_app.engine import quota_terms, rules
from rules_app.engine.actions.settings import CENTURY_SECONDS
from rules_app.engine.actions.throttle import MAX_COUNT
from tests.e2e.running import ROOT

KIB = 1024
RATE, BURST = 60_000, 6_000


def default_of(method: str, name: str) -> int:
    return int(inspect.signature(getattr(Reader, method)).parameters[name].default)


# What the second column must name, by how the first begins.
SAID = {
    "path, query and headers": [f"{protocol.MAX_HEAD_BYTES // KIB} KiB", protocol.MAX_HEADERS],
    "how long a request may": [f"{protocol.HEAD_SECONDS:g} s", f"{protocol.BODY_SECONDS:g} s"],
    "how long a connection": [f"{protocol.IDLE_SECONDS} s"],
    "requests sent ahead": [protocol.MAX_PIPELINED],
    "parameters in a query": [settings.DATA_UPLOAD_MAX_NUMBER_FIELDS],
    "request body": [f"{settings.MAX_BODY_BYTES // KIB // KIB} MiB", f"{SMALL // KIB} KiB"],
    "nesting of JSON": [MAX_DEPTH],
    "numbers in JSON": [MAX_DIGITS],
    "actions in a batch": [MAX_BATCH],
    "dispatch requests that wait": [together.MOST_WAITING, together.OF_ONE_TENANT],
    "`namespace`, `tenant`": [f"1–{MAX_LENGTH} characters"],
    "`Idempotency-Key`": [MAX_KEY, f"{KEPT.total_seconds() / 3600:g} hours"],
    "`X-Request-ID`": [128],
    "`reason` of a cancellation": [MAX_REASON],
    "`description` of": [rules.MAX_DESCRIPTION],
    "`username` and `password`": [views_auth.LONGEST["username"], views_auth.LONGEST["password"]],
    "a template, and what": [
        f"{MAX_TEMPLATE // KIB} KiB",
        MAX_NESTED,
        f"{MAX_TEXT // KIB} KiB",
    ],
    "the work of a template": [
        f"{MAX_SECONDS:g} s",
        MAX_STEPS,
        f"{MAX_WRITTEN // KIB // KIB} MiB",
        MAX_RANGE,
    ],
    "steps of a chain": [chains.MAX_STEPS],
    "`max_retries` of a step": [MAX_RETRIES],
    "times in a chain": [default_of("seconds", "most")],
    "windows, TTLs, delays": [CENTURY_SECONDS],
    "`max_count` of a throttle": [MAX_COUNT],
    "recurring actions of a tenant": [settings.RECURRING_PER_TENANT, spec.MAX_PAYLOAD],
    "occurrences of a backfill": [by_hand.MOST, by_hand.USUAL],
    "`limit` of a list": [MAX_LIMIT, DEFAULT_LIMIT],
    "`offset` of a list": [MAX_OFFSET],
    "requests per key or token": [RATE, BURST],
    "large requests of one tenant": [
        heavy.OF_ONE_TENANT,
        heavy.AT_ONCE,
        heavy.MOST_WAITING,
        f"{heavy.WAIT_SECONDS:g} s",
    ],
    "failed sign-ins": [login_limits.MOST_FAILURES, f"{login_limits.WINDOW.total_seconds() / 60:g} minutes"],
    "open streams": [2000, 1000],
    "unread events": [QUEUE_SIZE],
    "how long a dispatch waits": [f"{CALL_SECONDS:g} s"],
}


def table() -> dict[str, str]:
    guide = (ROOT / "docs" / "storefronts.md").read_text()
    section = guide.partition("\n## Limits\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+ \|$", section, re.M)
    return {what: limit for what, limit in rows if what not in ("what", "---")}


def test_every_limit_stands_in_the_table_and_no_other() -> None:
    found = table()
    unsaid = [what for what in found if not any(what.startswith(begin) for begin in SAID)]
    assert (unsaid, len(found)) == ([], len(SAID))
    for begin, values in SAID.items():
        (limit,) = [limit for what, limit in found.items() if what.startswith(begin)]
        for value in values:
            pattern = rf"(?<![\d,.]){re.escape(str(value))}(?![\d,.]*\d)"
            assert re.search(pattern, limit.replace(",", "")), (begin, value, limit)


def test_what_is_said_once_holds_for_all_that_it_names() -> None:
    assert rules.MAX_DESCRIPTION == quota_terms.MAX_DESCRIPTION == reader.MAX_TEXT
    assert CENTURY_SECONDS == LONGEST_TTL
    source = (ROOT / "acteon_site" / "settings.py").read_text()
    assert f'"ACTEON_RATE_PER_MINUTE", default=0 if EMBEDDED else {RATE:_})' in source
    assert RATE // 10 == BURST
    assert '"ACTEON_RATE_BURST", default=max(1, RATE_PER_MINUTE // 10))' in source
    assert '"ACTEON_STREAM_LISTENERS", default=2000)' in source
    assert '"ACTEON_STREAM_LISTENERS_PER_TENANT", default=1000)' in source
    assert "{1,128}" in (ROOT / "acteon_site" / "http" / "middleware.py").read_text()


def test_nginx_of_the_guide_refuses_a_large_body_as_the_gateway_does() -> None:
    nginx = (ROOT / "docs" / "operations.md").read_text().partition("```nginx\n")[2].partition("```")[0]
    answer = re.search(r"return 413 '(.+)';", nginx)
    assert answer is not None
    message = f"the body is larger than {settings.MAX_BODY_BYTES} bytes"
    assert json.loads(answer[1]) == AppError(message, "TOO_LARGE", 413).body()
    assert f"client_max_body_size {settings.MAX_BODY_BYTES // KIB**2}m;" in nginx
