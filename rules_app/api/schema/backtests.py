"""The description of backtests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    PAGE,
    TEXT,
    TIME,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from rules_app.api import views_backtests

KEYS = {
    "id": TEXT,
    "state": enum("queued", "running", "done", "failed"),
    "title": TEXT,
    "draft": maybe(INTEGER),
    "version": maybe(INTEGER),
    "newest_version": maybe(INTEGER),
    "digest": TEXT,
    "from": TIME,
    "to": TIME,
    "namespace": TEXT,
    "tenant": TEXT,
    "requested_by": TEXT,
    "requested_at": TIME,
    "finished_at": maybe(TIME),
    "percent": INTEGER,
    "problem": TEXT,
}
COUNTED = answer({"count": INTEGER, "values": OBJECT})
REASONS = answer({"count": INTEGER, "by": OBJECT})
SUMMARY = component(
    "BacktestSummary",
    answer(
        {
            "dispatches": COUNTED,
            "same": INTEGER,
            "changed": INTEGER,
            "otherwise": REASONS,
            "unknown": REASONS,
            "answers_unknown": INTEGER,
            "replays": INTEGER,
            "releases": INTEGER,
            "versions": OBJECT,
            "outcomes": array(answer({"from": TEXT, "to": TEXT, "count": INTEGER, "values": OBJECT})),
            "rules": array(answer({"rule": TEXT, "was": COUNTED, "would": COUNTED})),
            "shops": array(
                answer(
                    {
                        "namespace": TEXT,
                        "tenant": TEXT,
                        "dispatches": INTEGER,
                        "unknown": INTEGER,
                        "changed": COUNTED,
                    }
                )
            ),
            "shops_total": INTEGER,
            "listed": INTEGER,
        }
    ),
)
BACKTEST = component("Backtest", answer(KEYS))
WHOLE = component("WholeBacktest", answer({**KEYS, "summary": maybe(SUMMARY)}))
ORDER = component(
    "BacktestOrder",
    answer(
        {
            "how": enum("changed", "otherwise", "unknown"),
            "note": TEXT,
            "namespace": TEXT,
            "tenant": TEXT,
            "action_type": TEXT,
            "action_id": TEXT,
            "audit_id": TEXT,
            "order_row": maybe(TEXT),
            "at": TIME,
            "from_outcome": TEXT,
            "to_outcome": maybe(TEXT),
            "from_rule": maybe(TEXT),
            "to_rule": maybe(TEXT),
            "answer_unknown": BOOLEAN,
            "amount": maybe(INTEGER),
            "currency": TEXT,
        }
    ),
)
SHOWN: dict[str, Any] = {
    "id": "019a5f0c-7b6e-7d3a-9c1d-2f6f0b1a2c3d",
    "state": "done",
    "title": "draft 3: spring sale",
    "draft": 3,
    "version": None,
    "newest_version": 7,
    "digest": "5f0a1c",
    "from": "2026-03-01T00:00:00.000Z",
    "to": "2026-04-01T00:00:00.000Z",
    "namespace": "*",
    "tenant": "*",
    "requested_by": "key:ann",
    "requested_at": "2026-04-01T08:00:00.000Z",
    "finished_at": "2026-04-01T08:00:21.000Z",
    "percent": 100,
    "problem": "",
}
NOTHING: dict[str, Any] = {"count": 0, "by": {}}
ONE = {"count": 1, "values": {"USD": 60000}}
SHOWN_WHOLE = {
    **SHOWN,
    "summary": {
        "dispatches": {"count": 2, "values": {"USD": 67999}},
        "same": 1,
        "changed": 1,
        "otherwise": NOTHING,
        "unknown": NOTHING,
        "answers_unknown": 1,
        "replays": 0,
        "releases": 1,
        "versions": {"7": 2},
        "outcomes": [{"from": "pending_approval", "to": "executed", **ONE}],
        "rules": [{"rule": "approve-high-value", "was": ONE, "would": {"count": 0, "values": {}}}],
        "shops": [
            {"namespace": "ecommerce", "tenant": "acme-store", "dispatches": 2, "unknown": 0, "changed": ONE}
        ],
        "shops_total": 1,
        "listed": 1,
    },
}
SHOWN_ORDER = {
    "how": "changed",
    "note": "",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "action_type": "place_order",
    "action_id": "act-1",
    "audit_id": "019a5f0c-7b6e-7d3a-9c1d-2f6f0b1a2c3e",
    "order_row": None,
    "at": "2026-03-05T10:00:00.000Z",
    "from_outcome": "pending_approval",
    "to_outcome": "executed",
    "from_rule": "approve-high-value",
    "to_rule": None,
    "answer_unknown": True,
    "amount": 60000,
    "currency": "USD",
}

extend_schema_view(
    get=operation(
        "Backtests, the newest first",
        page("backtests", BACKTEST),
        parameters=(*PAGE, query("draft", INTEGER, "Only those of this draft")),
        examples={"one": {"backtests": [SHOWN], "count": 1}},
    ),
    post=operation(
        "Have rules decide the dispatches of the past; without a draft or version, the rules in force",
        WHOLE,
        status=202,
        sends=body(
            {"from": TIME, "to": TIME},
            {"draft": INTEGER, "version": INTEGER, "namespace": TEXT, "tenant": TEXT},
        ),
        sends_examples={
            "a draft": {"draft": 3, "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
        },
        errors=(404, 409),
        examples={"queued": {**SHOWN, "state": "queued", "finished_at": None, "percent": 0, "summary": None}},
    ),
)(views_backtests.BacktestList)
extend_schema_view(
    get=operation("A backtest, with what it found", WHOLE, errors=(404,), examples={"done": SHOWN_WHOLE}),
    delete=operation("Forget a backtest, or stop it", None, status=204, errors=(404,)),
)(views_backtests.BacktestDetail)
extend_schema_view(
    get=operation(
        "The dispatches that would fare otherwise",
        page("orders", ORDER),
        parameters=(
            *PAGE,
            query("how", enum("changed", "otherwise", "unknown")),
            query("from_outcome", TEXT),
            query("to_outcome", TEXT),
            query("namespace", TEXT),
            query("tenant", TEXT),
        ),
        errors=(404,),
        examples={"one": {"orders": [SHOWN_ORDER], "count": 1}},
    )
)(views_backtests.BacktestOrders)
