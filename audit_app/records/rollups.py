"""What an audit record adds to the rollups: from the record alone, so that they can be made anew. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, cast

from acteon_site.base.money import DECIMALS
from audit_app.records.sketch import MOST_MICROS, PACKED, UNKNOWN, class_of, micros_of
from audit_app.records.vocabulary import CHAIN_ENDS, DECISIONS, DISPATCH_OUTCOMES, STEP_OUTCOMES

# Kinds of Rollup.
RECORDS = 1  # every record; label: the rule, of a chain's end the chain
DECIDED = 3  # dispatches by the minute of their outcome, as the stream tells of them; no label
COUNTRIES = 2  # dispatches whose order says where it goes; label: the country
# Kinds of RollupTime.
DISPATCHES = 1  # from a request's arrival to its outcome, releases left out; label: none
CALLS = 2  # of providers, outcome success or failure; label: "chain/step", of bare actions none
WAITS = 3  # of approvals, until somebody decided; label: the rule
# Seconds. A day begins at a quarter in each zone of the world; hours and days keep long spans cheap.
MINUTE, QUARTER, HOUR, DAY = GRAINS = (60, 900, 3600, 86_400)

SUCCESS, FAILURE = "success", "failure"
# What of a record is looked at.
FIELDS = (
    *("namespace", "tenant", "provider", "action_type", "outcome", "matched_rule", "action_payload"),
    *("verdict_details", "outcome_details", "dispatched_at", "completed_at", "duration_ms"),
)
LONGEST_LABEL = 600
# Names that sums do not tell apart (audit_app.services.rollup_names). No name begins with a blank.
OTHER = " other"
_MOST_AMOUNT = 10**12
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)

# Minute, kind, namespace, tenant, provider, action type, outcome, label, and currency or class.
Key = tuple[int, int, str, str, str, str, str, str, str | int]
Alike = tuple[int, int, str, str, str, str, str, str]
Entry = tuple[Key, int, int]
Sums = dict[Key, list[int]]
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Added:
    """By minute: [count, amount] of Rollup, and [count, microseconds] of RollupTime."""

    records: Sums = field(default_factory=dict)
    times: Sums = field(default_factory=dict)

    def include(self, records: Iterable[Entry], times: Iterable[Entry]) -> None:
        """Add entries of an earlier `stored`."""
        for sums, entries in ((self.records, records), (self.times, times)):
            for key, count, amount in entries:
                _add(sums, cast(Key, tuple(key)), count, amount)  # JSON has lists

    def stored(self) -> tuple[list[Entry], list[Entry]]:
        """As `include` takes them."""
        return _entries(self.records), _entries(self.times)


@dataclass(slots=True)
class Packed:
    """How many, how long together, and how many of each class."""

    count: int = 0
    micros: int = 0
    classes: dict[int, int] = field(default_factory=dict)


def _entries(sums: Sums) -> list[Entry]:
    return [(key, count, amount) for key, (count, amount) in sums.items()]


def added(records: Iterable[Record]) -> Added:
    """What all of these add."""
    sums = Added()
    for record in records:
        _count(record, sums)
    return sums


def _add(sums: Sums, key: Key, count: int, amount: int) -> None:
    held = sums.get(key)
    if held is None:
        sums[key] = [count, amount]
    else:
        held[0] += count
        held[1] += amount


def _count(record: Record, sums: Added) -> None:
    """Of 500 records at once, while others wait to be numbered: each call in here costs."""
    outcome: str = record["outcome"]
    minute = int(record["dispatched_at"].timestamp()) // MINUTE * MINUTE
    namespace, tenant = record["namespace"], record["tenant"]
    provider, action_type = record["provider"], record["action_type"]
    label, amount, currency = record["matched_rule"] or "", 0, ""
    if outcome in STEP_OUTCOMES:
        _count_step(record, (minute, CALLS, namespace, tenant, provider), sums.times)
    elif outcome in DISPATCH_OUTCOMES:
        payload = record["action_payload"]
        amount, currency = worth(payload)
        if place := country(payload):
            key: Key = (minute, COUNTRIES, namespace, tenant, "", "", outcome, place, currency)
            _add(sums.records, key, 1, amount)
        decided = int(record["completed_at"].timestamp()) // MINUTE * MINUTE
        _add(sums.records, (decided, DECIDED, namespace, tenant, "", "", outcome, "", ""), 1, 0)
        _count_dispatch(
            record, (minute, DISPATCHES, namespace, tenant, provider, action_type, outcome, ""), sums
        )
    elif outcome in CHAIN_ENDS:
        label = str(record["outcome_details"].get("chain_name") or "")[:LONGEST_LABEL]
    elif outcome in DECISIONS and "waited_ms" in record["outcome_details"]:
        alike = (minute, WAITS, namespace, tenant, provider, action_type, outcome, label)
        waited = record["outcome_details"]["waited_ms"]
        _add_time(sums.times, alike, waited * 1000 if isinstance(waited, int) else None)
    key = (minute, RECORDS, namespace, tenant, provider, action_type, outcome, label, currency)
    _add(sums.records, key, 1, amount)


def worth(payload: Any) -> tuple[int, str]:
    """The order's total in the smallest unit, and its currency. 0 and "" where either is not known, or hidden."""
    if not isinstance(payload, dict):
        return 0, ""
    amount, code = payload.get("total_cents"), payload.get("currency")
    if not isinstance(amount, int) or isinstance(amount, bool) or abs(amount) > _MOST_AMOUNT:
        return 0, ""
    currency = code.strip().upper() if isinstance(code, str) else ""
    return (amount, currency) if currency in DECIMALS else (0, "")


def country(payload: Any) -> str:
    """Where the order goes, by its two capitals, as lifecycles bring them into normal form; else ""."""
    place = payload.get("shipping_country") if isinstance(payload, dict) else None
    return place if isinstance(place, str) and _COUNTRY.fullmatch(place) else ""


def _count_step(record: Record, whose: tuple[int, int, str, str, str], times: Sums) -> None:
    """A call, by its own result: what the step came to may be something else."""
    details = record["outcome_details"]
    if not details.get("called"):
        return
    label = f"{details.get('chain_name', '')}/{details.get('step', '')}"[:LONGEST_LABEL]
    took = details.get("duration_us")
    if not isinstance(took, int):  # redaction blanks numbers that an order's secret fields hold, too
        took = record["duration_ms"] * 1000
    _add_time(times, (*whose, "", FAILURE if details.get("error") else SUCCESS, label), took)


def _count_dispatch(record: Record, alike: Alike, sums: Added) -> None:
    if "release" not in record["verdict_details"]:
        _add_time(sums.times, alike, micros_of(record["completed_at"] - record["dispatched_at"]))
    # Of bare calls the number alone: what each of them took stands in no record.
    for provider, *counts in record["outcome_details"].get("calls") or ():
        for result, count in zip((SUCCESS, FAILURE), counts, strict=False):
            if isinstance(count, int) and count:
                whose = (alike[0], CALLS, alike[2], alike[3], str(provider), "", result, "")
                _add(sums.times, (*whose, UNKNOWN), count, 0)


def _add_time(times: Sums, alike: Alike, took: int | None) -> None:
    micros = min(max(0, took), MOST_MICROS) if took is not None else 0
    _add(times, (*alike, class_of(micros) if took is not None else UNKNOWN), 1, micros)


def by_grain(sums: Sums, minutes_from: int) -> dict[tuple[int, Key], list[int]]:
    """The same sums by each grain that they belong to; by minute only what is not older than `minutes_from`."""
    found: dict[tuple[int, Key], list[int]] = {}
    for key, (count, amount) in sums.items():
        for where in _grains_of(key, minutes_from):
            held = found.setdefault(where, [0, 0])
            held[0] += count
            held[1] += amount
    return found


def packed_by_grain(sums: Sums, minutes_from: int) -> dict[tuple[int, Key], Packed]:
    """The same of times: what differs in nothing but the class of its duration is one."""
    found: dict[tuple[int, Key], Packed] = {}
    for key, (count, micros) in sums.items():
        duration_class = int(key[8])
        for where in _grains_of((*key[:8], PACKED), minutes_from):
            held = found.setdefault(where, Packed())
            held.count += count
            held.micros += micros
            held.classes[duration_class] = held.classes.get(duration_class, 0) + count
    return found


def _grains_of(key: Key, minutes_from: int) -> Iterator[tuple[int, Key]]:
    for grain in GRAINS:
        if grain != MINUTE or key[0] >= minutes_from:
            yield grain, (key[0] // grain * grain, *key[1:])


def row_id(grain: int, key: Key) -> str:
    """In hex. NUL stands in no name, so that no two keys are spelt alike."""
    spelt = "\0".join((str(grain), *map(str, key)))
    return blake2b(spelt.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
