"""The description of recurring actions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    Schema,
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
from acteon_site.http.openapi_examples import BODY_SCOPE, ID, NOW, SHOWN_SCOPE
from orders_app.api import views_recurring

STATUS = enum("active", "paused", "completed")
OVERLAP = enum("allow_all", "skip", "cancel_other")
MISSED = enum("skip", "once", "all")
ROW: dict[str, Schema] = {
    "id": UUID,
    "name": TEXT,
    "namespace": TEXT,
    "tenant": TEXT,
    "cron_expr": TEXT,
    "timezone": TEXT,
    "enabled": BOOLEAN,
    "status": STATUS,
    "provider": TEXT,
    "action_type": TEXT,
    "next_execution_at": maybe(TIME),
    "execution_count": INTEGER,
    "description": TEXT,
    "created_at": TIME,
}
RECURRING = component("RecurringAction", answer(ROW))
DETAIL = component(
    "RecurringActionDetail",
    answer(
        {
            **ROW,
            "payload": OBJECT,
            "metadata": TEXTS,
            "dedup_key": maybe(TEXT),
            "last_executed_at": maybe(TIME),
            "starts_at": maybe(TIME),
            "ends_at": maybe(TIME),
            "max_executions": maybe(INTEGER),
            "overlap_policy": OVERLAP,
            "missed": MISSED,
            "labels": TEXTS,
            "problem": maybe(TEXT),
            "updated_at": TIME,
        }
    ),
)
MADE = answer({"id": UUID, "name": TEXT, "next_execution_at": maybe(TIME), "status": STATUS})
FIRING = component(
    "RecurringFiring",
    answer(
        {
            "id": UUID,
            "recurring_id": UUID,
            "occurrence": TIME,
            "kind": enum("due", "missed", "backfill", "manual"),
            "fired_at": TIME,
            "action_id": maybe(TEXT),
            "outcome": TEXT,
            "reason": maybe(TEXT),
            "count": INTEGER,
        }
    ),
)
CRON: Schema = {"type": "string", "maxLength": 200, "pattern": r"^[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4}$"}
ZONE: Schema = {"type": "string", "maxLength": 64, "pattern": r"^[A-Za-z0-9/_+-]+$"}
EXECUTIONS: Schema = {"type": "integer", "minimum": 1, "maximum": 1_000_000_000}
NEEDED: dict[str, Schema] = {
    "provider": SCOPE_NAME,
    "action_type": NAME,
    "payload": OBJECT,
    "cron_expression": CRON,
}
MORE: dict[str, Schema] = {
    "name": maybe({**NAME, "maxLength": 200}),
    "metadata": maybe(TEXTS),
    "timezone": maybe(ZONE),
    "start_date": maybe(TIME),
    "end_date": maybe(TIME),
    "max_executions": maybe(EXECUTIONS),
    "description": maybe({"type": "string", "maxLength": 10_000}),
    "dedup_key": maybe(NAME),
    "labels": maybe(TEXTS),
    "overlap_policy": maybe(OVERLAP),
    "missed": maybe(MISSED),
}
SENT = {
    **SHOWN_SCOPE,
    "name": "morning-report",
    "provider": "email-service",
    "action_type": "send_report",
    "payload": {"to": "ops@example.com"},
    "cron_expression": "0 9 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "overlap_policy": "skip",
}
SHOWN: dict[str, Any] = {
    "id": ID,
    "name": "morning-report",
    **SHOWN_SCOPE,
    "cron_expr": "0 9 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "enabled": True,
    "status": "active",
    "provider": "email-service",
    "action_type": "send_report",
    "next_execution_at": "2026-03-11T08:00:00.000Z",
    "execution_count": 1,
    "description": "",
    "created_at": NOW,
}
SHOWN_DETAIL = {
    **SHOWN,
    "payload": {"to": "ops@example.com"},
    "metadata": {},
    "dedup_key": None,
    "last_executed_at": NOW,
    "starts_at": None,
    "ends_at": None,
    "max_executions": None,
    "overlap_policy": "skip",
    "missed": "once",
    "labels": {},
    "problem": None,
    "updated_at": NOW,
}
SHOWN_MADE = {name: SHOWN[name] for name in ("id", "name", "next_execution_at", "status")}
SHOWN_FIRING = {
    "id": ID,
    "recurring_id": ID,
    "occurrence": NOW,
    "kind": "due",
    "fired_at": NOW,
    "action_id": ID,
    "outcome": "executed",
    "reason": None,
    "count": 1,
}
extend_schema_view(
    get=operation(
        "Recurring actions, the newest first",
        page("recurring_actions", RECURRING),
        parameters=(*OPTIONAL_SCOPE, *PAGE, query("status", STATUS)),
        examples={"one": {"recurring_actions": [SHOWN], "count": 1}},
    ),
    post=operation(
        "Make a recurring action",
        MADE,
        status=201,
        sends=body({**BODY_SCOPE, **NEEDED}, MORE),
        sends_examples={"on working days": SENT},
        examples={"made": SHOWN_MADE},
        errors=(409,),
        text="Each occurrence of the expression is dispatched as an action of its own: rules, quotas and throttles ask "
        "of it what they ask of any. `timezone` is the zone in which the expression counts; `missed` says what becomes "
        "of occurrences that could not be fired in time.",
    ),
)(views_recurring.RecurringList)
extend_schema_view(
    get=operation(
        "One recurring action",
        DETAIL,
        parameters=OPTIONAL_SCOPE,
        errors=(404,),
        examples={"it": SHOWN_DETAIL},
    ),
    put=operation(
        "Change what the body names",
        DETAIL,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, {**NEEDED, **MORE}),
        sends_examples={"another time": {**SHOWN_SCOPE, "cron_expression": "30 8 * * 1"}},
        errors=(404, 409),
        examples={"changed": SHOWN_DETAIL},
    ),
    delete=operation(
        "Remove a recurring action; its firings are kept",
        None,
        status=204,
        parameters=OPTIONAL_SCOPE,
        errors=(404,),
    ),
)(views_recurring.RecurringDetail)
for verb, view in (("Pause", views_recurring.RecurringPause), ("Resume", views_recurring.RecurringResume)):
    extend_schema_view(
        post=operation(
            f"{verb} a recurring action; 409 where it is so already",
            DETAIL,
            parameters=OPTIONAL_SCOPE,
            sends=body(BODY_SCOPE),
            sends_examples={"all it needs": SHOWN_SCOPE},
            errors=(404, 409),
            examples={"done": SHOWN_DETAIL},
        )
    )(view)
extend_schema_view(
    post=operation(
        "Make up for a time that is over: what was not fired in it is fired now, each occurrence once",
        answer(
            {
                "id": UUID,
                "occurrences": INTEGER,
                "dispatched": INTEGER,
                "results": array(answer({"occurrence": TIME, "outcome": TEXT}, {"error": TEXT})),
            }
        ),
        parameters=OPTIONAL_SCOPE,
        sends=body(
            {**BODY_SCOPE, "start": TIME, "end": TIME},
            {
                "limit": maybe({"type": "integer", "minimum": 1, "maximum": 1000}),
                "overlap_policy": maybe(OVERLAP),
            },
        ),
        sends_examples={
            "a night": {**SHOWN_SCOPE, "start": "2026-03-09T00:00:00Z", "end": "2026-03-09T06:00:00Z"}
        },
        errors=(404, 409),
        examples={
            "one": {
                "id": ID,
                "occurrences": 1,
                "dispatched": 1,
                "results": [{"occurrence": NOW, "outcome": "executed"}],
            }
        },
        text="`outcome` is that of the audit trail, or `already_fired`, `skipped`, `running`, `error`; `left` of "
        "what was not fired within 20 s: ask again for it.",
    )
)(views_recurring.RecurringBackfill)
extend_schema_view(
    get=operation(
        "What it has fired and passed over, the newest first",
        page("firings", FIRING),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        errors=(404,),
        examples={"one": {"firings": [SHOWN_FIRING], "count": 1}},
    )
)(views_recurring.RecurringFirings)
extend_schema_view(
    get=operation(
        "When it will fire next",
        answer(
            {
                "id": UUID,
                "timezone": TEXT,
                "viewer_timezone": TEXT,
                "next": array(answer({"at": TIME, "local": TEXT, "viewer": TEXT})),
                "count": INTEGER,
            }
        ),
        parameters=(
            *OPTIONAL_SCOPE,
            query("count", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}),
            query("timezone", ZONE, "The viewer's zone: any name of one"),
        ),
        errors=(404,),
        examples={
            "one": {
                "id": ID,
                "timezone": "Europe/Berlin",
                "viewer_timezone": "UTC",
                "next": [
                    {
                        "at": "2026-03-11T08:00:00.000Z",
                        "local": "2026-03-11T09:00:00+01:00",
                        "viewer": "2026-03-11T08:00:00+00:00",
                    }
                ],
                "count": 1,
            }
        },
    )
)(views_recurring.RecurringNext)
