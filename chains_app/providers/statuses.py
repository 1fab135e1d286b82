"""What a status means: success, worth another try, or a verdict on the key. Numbers, and classes such as "4xx"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from chains_app.definitions.reader import Reader

WRONG = 'must be a status such as 409, or a class such as "4xx"'
CLASS = re.compile(r"[1-5]xx")
KEYS = frozenset(("success_statuses", "retry_statuses", "settling_statuses"))
SUCCESS: tuple[int | str, ...] = ("2xx",)
RETRY: tuple[int | str, ...] = (408, 425, 429, "5xx")
SETTLING: tuple[int | str, ...] = (400, 402, 410)
# The peer said itself that it did not process these.
NOT_PROCESSED = frozenset({408, 425, 429, 501, 503, 505})


def _is_class(entry: Any) -> bool:
    return isinstance(entry, str) and CLASS.fullmatch(entry) is not None


def _span(entry: int | str) -> Iterable[int]:
    first = int(str(entry)[0]) * 100
    return range(first, first + 100) if _is_class(entry) else (int(entry),)


def expanded(entries: Iterable[int | str]) -> frozenset[int]:
    """The statuses that the entries stand for."""
    return frozenset(status for entry in entries for status in _span(entry))


@dataclass(frozen=True, slots=True)
class Statuses:
    """What one provider's statuses mean. `settling`: refusals in which the peer judged the very key."""

    success: frozenset[int] = expanded(SUCCESS)
    retry: frozenset[int] = expanded(RETRY)
    settling: frozenset[int] = expanded(SETTLING)


DEFAULT = Statuses()


def statuses_of(config: Mapping[str, Any]) -> Statuses:
    """The meaning that a provider's settings give; a list that is left out has its default."""
    if not KEYS & config.keys():
        return DEFAULT
    return Statuses(
        expanded(config.get("success_statuses", SUCCESS)),
        expanded(config.get("retry_statuses", RETRY)),
        expanded(config.get("settling_statuses", SETTLING)),
    )


def is_unknown(status: int) -> bool:
    """Whether a request that failed with this status may have taken effect all the same."""
    return status < 300 or (status >= 500 and status not in NOT_PROCESSED)


def check_statuses(reader: Reader) -> None:
    lists = {
        "success_statuses": _read(reader, "success_statuses", SUCCESS, _success_problem),
        "retry_statuses": _read(reader, "retry_statuses", RETRY, _retry_problem),
        "settling_statuses": _read(reader, "settling_statuses", (), _settling_problem),
    }
    if reader.raw("success_statuses") == []:
        reader.problem("success_statuses", 'must name at least one, such as "2xx"')
    for one, other in combinations(lists, 2):
        both = lists[one] & lists[other]
        if both:
            given, rest = (other, one) if reader.has(other) else (one, other)
            named = rest if reader.has(rest) else f"{rest}, as long as that is not given,"
            reader.problem(given, f"{min(both)} is in {named} too; a status means one thing")


def _read(
    reader: Reader, key: str, default: Iterable[int | str], problem_of: Callable[[int | str], str]
) -> frozenset[int]:
    """The statuses of a list without the wrong ones, each of which becomes a problem."""
    if reader.raw(key) is None:
        return expanded(default)
    entries = reader.items(key)
    problems = [problem_of(entry) if _is_status(entry) else WRONG for entry in entries]
    for index, problem in enumerate(problems):
        if problem:
            reader.problem(f"{key}[{index}]", problem)
    return expanded(entry for entry, problem in zip(entries, problems, strict=True) if not problem)


def _is_status(entry: Any) -> bool:
    return _is_class(entry) or (
        isinstance(entry, int) and not isinstance(entry, bool) and 100 <= entry <= 599
    )


def _first_digit(entry: int | str) -> int:
    return int(str(entry)[0])


def _success_problem(entry: int | str) -> str:
    digit = _first_digit(entry)
    if digit == 3:
        return "a redirect is never a success: redirects are not followed; write the address itself into url"
    if digit == 5:
        return "with a 5xx the peer says that it failed; it is never a success"
    if digit == 1:
        return "a 1xx is no final answer"
    return "name the single statuses: not every 4xx can be a success" if entry == "4xx" else ""


def _retry_problem(entry: int | str) -> str:
    if _first_digit(entry) in (1, 3):
        return "another try changes nothing about 1xx and 3xx: redirects are not followed"
    return ""


def _settling_problem(entry: int | str) -> str:
    if _first_digit(entry) != 4 or _is_class(entry):
        return "must be a single 4xx status: one with which the peer judges the very Idempotency-Key"
    return ""
