"""Reports of rules in shadow, or for a share of orders, as the API answers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acteon_site.base.clock_text import rfc3339
from rules_app.models import Rule, RuleTrial
from rules_app.services.trial_reports import Newest, OrderSeen
from rules_app.trial_report import Report, Side, Sum


def report_shape(rule: Rule, report: Report, newest: Newest) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "shadow": rule.shadow,
        "rollout": rule.rollout,
        "scanned_from": rfc3339(report.begin),
        "scanned_to": rfc3339(report.end),
        "sides": [_side_shape(side, report, newest) for side in report.sides.values()],
    }


def _side_shape(side: Side, report: Report, newest: Newest) -> dict[str, Any]:
    return {
        "side": side.name,
        **_sum_shape(side.all),
        "share_percent": None if side is report.shadow else round(report.share(side), 2),
        "would": dict(side.would),
        "outcomes": dict(side.outcomes),
        "days": [{"day": day.isoformat(), **_sum_shape(found)} for day, found in side.days.items()],
        "shops": [
            {"namespace": namespace, "tenant": tenant, **_sum_shape(found)}
            for (namespace, tenant), found in side.shops.items()
        ],
        "overlap": [
            {"happened": fate.happened, "decided_by": fate.rule or None, **_sum_shape(found)}
            for fate, found in side.fates.items()
        ],
        "orders_now": dict(newest.standing.get(side.name, {})),
        "samples": list(_samples(newest.samples.get(side.name, ()))),
    }


def _sum_shape(found: Sum) -> dict[str, Any]:
    return {
        "trials": found.trials,
        "differing": found.differing,
        "anyway": found.anyway,
        "worth": dict(found.worth),
    }


def _samples(found: Iterable[tuple[RuleTrial, OrderSeen | None]]) -> Iterable[dict[str, Any]]:
    for trial, order in found:
        yield {
            "action_id": trial.action_id,
            "order": order.name if order else None,
            "namespace": trial.namespace,
            "tenant": trial.tenant,
            "at": rfc3339(trial.at),
            "would": trial.would,
            "happened": trial.happened,
            "decided_by": trial.decided_by or None,
            "amount": trial.amount,
            "currency": trial.currency or None,
        }
