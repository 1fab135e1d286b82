"""The description of silences and time intervals."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
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
from rules_app.api import views_silences, views_time_intervals
from rules_app.engine.silences import MAX_VALUE, MOST_MATCHERS, OPS
from rules_app.services.silences import LONGEST, MAX_COMMENT

ID, NOW, LATER = (
    "01a20300-0000-7000-8000-000000000011",
    "2026-11-27T09:00:00.000Z",
    "2026-11-27T18:00:00.000Z",
)
COMMENT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_COMMENT}
SENT_MATCHER = body({"name": NAME, "value": {"type": "string", "maxLength": MAX_VALUE}}, {"op": enum(*OPS)})
SILENCE = component(
    "Silence",
    answer(
        {
            "id": UUID,
            "namespace": TEXT,
            "tenant": TEXT,
            "matchers": array(answer({"name": TEXT, "value": TEXT, "op": enum(*OPS)})),
            "starts_at": TIME,
            "ends_at": TIME,
            "created_by": TEXT,
            "comment": TEXT,
            "created_at": TIME,
            "updated_at": TIME,
            "active": BOOLEAN,
        }
    ),
)
SHOWN_SILENCE: dict[str, Any] = {
    "id": ID,
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "matchers": [{"name": "campaign", "value": "black-friday.*", "op": "regex"}],
    "starts_at": NOW,
    "ends_at": LATER,
    "created_by": "key:operations",
    "comment": "the mail provider is under maintenance",
    "created_at": NOW,
    "updated_at": NOW,
    "active": True,
}
SENT_SILENCE = {
    name: SHOWN_SILENCE[name] for name in ("namespace", "tenant", "matchers", "ends_at", "comment")
}
extend_schema_view(
    get=operation(
        "Silences, those that last longest first",
        page("silences", SILENCE),
        parameters=(*OPTIONAL_SCOPE, *PAGE, query("include_expired", BOOLEAN, "Also those that have ended")),
        examples={"one": {"silences": [SHOWN_SILENCE], "count": 1}},
    ),
    post=operation(
        "Silence actions by their labels",
        SILENCE,
        status=201,
        sends=body(
            {
                "namespace": SCOPE_NAME,
                "tenant": SCOPE_NAME,
                "matchers": array(SENT_MATCHER, minItems=1, maxItems=MOST_MATCHERS),
                "comment": COMMENT,
            },
            {
                "starts_at": TIME,
                "ends_at": TIME,
                "duration_seconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": int(LONGEST.total_seconds()),
                },
            },
        ),
        sends_examples={"until the evening": SENT_SILENCE},
        examples={"made": SHOWN_SILENCE},
        text="All matchers must match; a label that is absent counts as empty, and at least one matcher must be one "
        "that an empty value does not match. One of ends_at and duration_seconds says how long.",
    ),
)(views_silences.SilenceList)
extend_schema_view(
    get=operation("One silence", SILENCE, errors=(404,), examples={"it": SHOWN_SILENCE}),
    put=operation(
        "Let a silence end at another time, or say why otherwise",
        SILENCE,
        sends=body({}, {"ends_at": TIME, "comment": COMMENT}),
        sends_examples={"longer": {"ends_at": LATER}},
        errors=(404, 409),
        examples={"changed": SHOWN_SILENCE},
    ),
    delete=operation("End a silence now", None, status=204, errors=(404,)),
)(views_silences.SilenceDetail)


def _bounded(low: int, high: int) -> Schema:
    whole = {"type": "integer", "minimum": low, "maximum": high}
    return array(body({"start": whole}, {"end": whole}), maxItems=50)


CLOCK: Schema = {"type": "string", "pattern": r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
SENT_RANGE = body(
    {},
    {
        "times": array(body({"start": CLOCK, "end": CLOCK}), maxItems=50),
        "weekdays": _bounded(1, 7),
        "days_of_month": _bounded(-31, 31),
        "months": _bounded(1, 12),
        "years": _bounded(1970, 9998),
    },
)
_SPANS = array(answer({"start": INTEGER, "end": INTEGER}))
INTERVAL = component(
    "TimeInterval",
    answer(
        {
            "name": TEXT,
            "namespace": TEXT,
            "tenant": TEXT,
            "time_ranges": array(
                answer(
                    {
                        "times": array(answer({"start_minute": INTEGER, "end_minute": INTEGER})),
                        "weekdays": _SPANS,
                        "days_of_month": _SPANS,
                        "months": _SPANS,
                        "years": _SPANS,
                    }
                )
            ),
            "location": maybe(TEXT),
            "description": maybe(TEXT),
            "created_by": TEXT,
            "created_at": TIME,
            "updated_at": TIME,
            "matches_now": BOOLEAN,
        }
    ),
)
SENT_INTERVAL: dict[str, Any] = {
    "name": "nights",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "time_ranges": [{"times": [{"start": "00:00", "end": "07:00"}, {"start": "22:00", "end": "24:00"}]}],
    "location": "Europe/Berlin",
    "description": "No mail while people sleep",
}
SHOWN_INTERVAL: dict[str, Any] = {
    **SENT_INTERVAL,
    "time_ranges": [
        {
            "times": [{"start_minute": 0, "end_minute": 420}, {"start_minute": 1320, "end_minute": 1440}],
            "weekdays": [],
            "days_of_month": [],
            "months": [],
            "years": [],
        }
    ],
    "created_by": "key:operations",
    "created_at": NOW,
    "updated_at": NOW,
    "matches_now": False,
}
_FACTS = {
    "location": maybe(TEXT),
    "description": maybe({"type": "string", "maxLength": 2_000}),
}
_RANGES = array(SENT_RANGE, minItems=1, maxItems=50)
extend_schema_view(
    get=operation(
        "Time intervals",
        page("time_intervals", INTERVAL),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": {"time_intervals": [SHOWN_INTERVAL], "count": 1}},
    ),
    post=operation(
        "Make a time interval",
        INTERVAL,
        status=201,
        sends=body(
            {
                "name": NAME | {"maxLength": 200},
                "namespace": SCOPE_NAME,
                "tenant": SCOPE_NAME,
                "time_ranges": _RANGES,
            },
            _FACTS,
        ),
        sends_examples={"nights": SENT_INTERVAL},
        errors=(409,),
        examples={"made": SHOWN_INTERVAL},
        text="An instant lies in it where it lies in one of the ranges: there, each kind that is given must agree. "
        "Times are of the wall clock of `location`, UTC without; days below 0 count from the month's end.",
    ),
)(views_time_intervals.TimeIntervalList)
extend_schema_view(
    get=operation("One time interval", INTERVAL, errors=(404,), examples={"it": SHOWN_INTERVAL}),
    put=operation(
        "Change a time interval, for all rules that name it",
        INTERVAL,
        sends=body({}, {"time_ranges": _RANGES, **_FACTS}),
        sends_examples={"other": {"time_ranges": SENT_INTERVAL["time_ranges"]}},
        errors=(404,),
        examples={"changed": SHOWN_INTERVAL},
    ),
    delete=operation("Delete a time interval that no rule names", None, status=204, errors=(404, 409)),
)(views_time_intervals.TimeIntervalDetail)
