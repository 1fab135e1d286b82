"""The sample orders: what is sent, and what the guide says comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from acteon_site.client.errors import ClientError

SAMPLE_ORDERS = (
    Path(__file__).resolve().parents[2] / "fixtures" / "ecommerce" / "orders" / "sample-orders.yaml"
)
SHOP_ZONE = ZoneInfo("US/Eastern")
FRIDAY = 5
OPENS, CLOSES = 9, 17
# Outside business hours the schedule rule takes these too; the others are decided above it.
SCHEDULED_WHEN_CLOSED = frozenset({"standard", "duplicate", "rapid-fire", "after-hours"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One order to send. `demo_now` is None with the real clock; `rule` is None where any may match; `after` labels the
    one whose chain must be over before; `chain` is how its run comes to stand, where it has one."""

    label: str
    category: str
    expected: str
    rule: str | None
    demo_now: str | None
    action: Mapping[str, Any]
    chain: str = "completed"
    after: str = ""


def is_open(now: datetime) -> bool:
    """Whether the guide's shop is open: 9 to 17 in New York, Monday to Friday."""
    local = now.astimezone(SHOP_ZONE)
    return local.isoweekday() <= FRIDAY and OPENS <= local.hour < CLOSES


def sample_orders(
    path: Path, run: str, *, scope: Mapping[str, str] | None = None, real_clock: bool = False
) -> list[Sample]:
    """The orders of `path` for one run, for the file's merchant or the one that `scope` names.

    Raises ClientError where it is no file of sample orders.
    """
    try:
        document = yaml.safe_load(path.read_text())["sample_orders"]
        document["defaults"] = {**document["defaults"], **(scope or {})}
        return [_sample(document, order, run, real_clock) for order in document["orders"]]
    except OSError as error:
        raise ClientError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ClientError(
            f"{path} is no sample order file ({error}); its format stands at the top of ours"
        ) from error


def _sample(document: Mapping[str, Any], order: Mapping[str, Any], run: str, real_clock: bool) -> Sample:
    expected = _expected(order, is_open(datetime.now(UTC))) if real_clock else order["expected"]
    return Sample(
        label=order["label"],
        category=order["category"],
        expected=expected,
        rule=order.get("rule") if expected == order["expected"] else None,
        demo_now=None if real_clock else document["clocks"][order["clock"]],
        action=_filled({**document["defaults"], **order["action"]}, run),
        chain=order.get("chain", "completed"),
        after=order.get("after", ""),
    )


def _expected(order: Mapping[str, Any], shop_is_open: bool) -> str:
    if shop_is_open:
        return str(order.get("expected_real_clock_open", order["expected"]))
    return "Scheduled" if order["category"] in SCHEDULED_WHEN_CLOSED else str(order["expected"])


def _filled(value: Any, run: str) -> Any:
    """`value` with {run} replaced in every text; all other braces stay."""
    if isinstance(value, str):
        return value.replace("{run}", run)
    if isinstance(value, dict):
        return {key: _filled(inner, run) for key, inner in value.items()}
    return [_filled(inner, run) for inner in value] if isinstance(value, list) else value
