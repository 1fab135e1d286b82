"""Bodies made to cost much: each is refused in time proportional to its length, whoever sends it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.conf import settings

from acteon_site.base.errors import AppError
from acteon_site.http import strict_json
from tests.acteon_site.http.test_bad_input import assert_error
from tests.world import SCOPE, Shop

SIZE = settings.MAX_BODY_BYTES
OPEN = b"[" * 66
SECONDS = 5.0  # quadratic time was minutes


def filled(start: bytes, part: bytes, end: bytes = b"") -> bytes:
    return start + part * ((SIZE - len(start) - len(end)) // len(part)) + end


def keys(last: bytes) -> bytes:
    names = (b'"%d":1,' % number for number in range(SIZE // 14))
    return b"{" + b"".join(names) + b'"' + last + b'":1}'


HOSTILE = {
    "escaped quotes, never closed": filled(OPEN + b'"', b'\\"'),
    "escaped quotes, then a lone backslash": filled(OPEN + b'"', b'\\"', b"\\"),
    "backslashes": filled(OPEN + b'"', b"\\\\"),
    "quotes": filled(OPEN, b'"'),
    "a text that nothing closes": filled(OPEN + b'"', b"a"),
    "brackets": filled(b"", b"["),
    "pairs of brackets": filled(b"", b"[]"),
    "the first key again": keys(b"0"),
    "the last key again": keys(b"%d" % (SIZE // 14 - 1)),
    "an integer": filled(b"", b"9"),
    "a fraction's digits": filled(b"", b"9", b".0"),
    "an exponent": filled(b"1e", b"9"),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_a_hostile_body_of_two_mebibytes_is_refused_at_once(shape: str) -> None:
    raw = HOSTILE[shape]
    started = time.thread_time()
    with pytest.raises(AppError) as refusal:
        strict_json.decode(raw)
    assert (refusal.value.code, refusal.value.status) == ("MALFORMED", 400)
    assert time.thread_time() - started < SECONDS


@pytest.mark.parametrize("start", [b'"', b'"\\"', b'"\\\\', b'"a', b'"\\"a\n'])
def test_a_text_that_nothing_closes_is_one_text_to_its_end(start: bytes) -> None:
    """What was quadratic: a match that failed began again at the next quote."""
    for raw in (start, start + b'\\"' * 50, start + b'\\"' * 50 + b"\\"):
        assert [found.span() for found in strict_json._TEXT.finditer(raw)] == [(0, len(raw))]


@pytest.mark.parametrize(
    ("raw", "depth"),
    [
        (b"", 0),
        (b"[]", 1),
        (b'["[[["]', 1),
        (b'["\\"[["]', 1),
        (b'{"a":[{}],"b":"]]"}', 3),
        (b'["\\\\",[[]]]', 3),
        (b"[" * 70, 70),
    ],
)
def test_depth_counts_brackets_outside_texts(raw: bytes, depth: int) -> None:
    assert strict_json._depth(raw) == depth


NUMBERS = [
    b"1e999",
    b"-1e999",
    b'{"a": [1e400]}',
    b"9" * 309,
    b"-" + b"9" * 309,
    b"9" * 5000,
    b"9" * 400 + b".0",
]


@pytest.mark.parametrize("raw", NUMBERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/dispatch"),
        ("POST", "/v1/dispatch/batch"),
        ("POST", "/v1/quotas"),
        ("POST", "/v1/auth/login"),
        ("POST", "/v1/templates/render"),
        ("PUT", "/v1/chains/definitions/x"),
    ],
)
def test_a_number_that_no_double_holds_is_malformed(shop: Shop, method: str, path: str, raw: bytes) -> None:
    answer = shop.client.generic(method, path, raw, content_type="application/json")
    body = assert_error(answer, 400, "MALFORMED")
    assert re.search("digits|too large", body["error"])


def test_the_largest_numbers_pass(shop: Shop) -> None:
    large: Any = [10**308 - 1, -(10**308) + 1, 1.7e308, 5e-324]
    assert strict_json.decode(strict_json.encode(large)) == large
    body = {"template": "{{ n }}", "data": {"n": 10**308 - 1}, **SCOPE}
    assert shop.post("/v1/templates/render", body).json() == {"rendered": "9" * 308}
