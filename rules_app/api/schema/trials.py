"""The description of reports of rules in shadow, or for a share of orders, and of the way from one to the next."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    OPTIONAL_SCOPE,
    TEXT,
    TIME,
    Schema,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    query,
)
from rules_app.api import views_trials
from rules_app.api.schema.drafts import BOTH_SIDES, DRAFT, REASON, SHOWN
from rules_app.engine.trials import SIDES
from rules_app.services.stages import STAGES

NUMBER: Schema = {"type": "number"}
COUNTS: Schema = {"type": "object", "additionalProperties": INTEGER}
PERCENT: Schema = {"type": "number", "minimum": 1, "maximum": 100}
ROLLOUT = component("RuleRollout", answer({"percent": PERCENT}, {"by": maybe(TEXT)}))
DAY: Schema = {"type": "string", "format": "date"}
SUM = {"trials": INTEGER, "differing": INTEGER, "anyway": INTEGER, "worth": COUNTS}
SAMPLE = component(
    "RuleTrial",
    answer(
        {
            "action_id": TEXT,
            "order": maybe(TEXT),
            "namespace": TEXT,
            "tenant": TEXT,
            "at": TIME,
            "would": TEXT,
            "happened": TEXT,
            "decided_by": maybe(TEXT),
            "amount": maybe(INTEGER),
            "currency": maybe(TEXT),
        }
    ),
)
SIDE = component(
    "RuleReportSide",
    answer(
        {
            "side": enum(*SIDES),
            **SUM,
            "share_percent": maybe(NUMBER),
            "would": COUNTS,
            "outcomes": COUNTS,
            "days": array(answer({"day": DAY, **SUM})),
            "shops": array(answer({"namespace": TEXT, "tenant": TEXT, **SUM})),
            "overlap": array(answer({"happened": TEXT, "decided_by": maybe(TEXT), **SUM})),
            "orders_now": COUNTS,
            "samples": array(SAMPLE),
        }
    ),
)
REPORT = component(
    "RuleReport",
    answer(
        {
            "rule": TEXT,
            "shadow": BOOLEAN,
            "rollout": maybe(ROLLOUT),
            "scanned_from": TIME,
            "scanned_to": TIME,
            "sides": array(SIDE),
        }
    ),
)
_ONE: dict[str, Any] = {"trials": 3, "differing": 2, "anyway": 1, "worth": {"USD": 120_000}}
_SAMPLE = {
    "action_id": "act-1",
    "order": "ORD-1001",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "at": "2026-03-10T15:00:00.000Z",
    "would": "deny",
    "happened": "executed",
    "decided_by": None,
    "amount": 60_000,
    "currency": "USD",
}
_SHOWN = {
    "rule": "deny-odd-emails",
    "shadow": True,
    "rollout": None,
    "scanned_from": "2026-02-08T15:00:00.000Z",
    "scanned_to": "2026-03-10T16:00:00.000Z",
    "sides": [
        {
            "side": "shadow",
            **_ONE,
            "share_percent": None,
            "would": {"deny": 3},
            "outcomes": {"executed": 2, "suppressed": 1},
            "days": [{"day": "2026-03-10", **_ONE}],
            "shops": [{"namespace": "ecommerce", "tenant": "acme-store", **_ONE}],
            "overlap": [{"happened": "executed", "decided_by": None, **_ONE}],
            "orders_now": {"completed": 2},
            "samples": [_SAMPLE],
        }
    ],
}
extend_schema_view(
    get=operation(
        "What a rule in shadow, or for a share of orders, would have made of the actions that came to it",
        REPORT,
        parameters=(
            *OPTIONAL_SCOPE,
            query("from", TIME, "Default: 30 days before `to`; at most 400. Whole hours are counted"),
            query("to", TIME),
        ),
        errors=(404,),
        examples={"in shadow": _SHOWN},
        text="`differing` of the `trials` would have fared otherwise, `anyway` not; `worth` is the total of the "
        "former by currency, in its smallest unit.",
    )
)(views_trials.RuleReport)
extend_schema_view(
    post=operation(
        "Put a rule in shadow, live, or live for all orders",
        DRAFT,
        sends=body({"stage": enum(*STAGES), "reason": REASON}, {"percent": maybe(PERCENT)}),
        sends_examples={
            "live": {"stage": "live", "reason": "A week in shadow stopped nothing good"},
            "a quarter": {"stage": "live", "percent": 25, "reason": "The first tenth went well"},
        },
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"done": {**SHOWN, "status": "published", "name": "deny-odd-emails: live", "version": 9}},
        text="Answers the draft by which it is done: published, or open where a second person must publish it. "
        "`percent` makes it a rule for that share of orders.",
    )
)(views_trials.RuleStage)
