"""The description of incidents and dead letters."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE,
    TEXT,
    UUID,
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
from chains_app.api import views_runs
from chains_app.api.schema.runs import CHAIN, INCIDENT, INCIDENT_KEYS, SHOWN_CHAIN, SHOWN_INCIDENT

extend_schema_view(
    get=operation(
        "Runs that wait for a person",
        page("incidents", INCIDENT),
        parameters=(*SCOPE, *PAGE, query("all", enum("true", "false"), "The resolved ones too")),
        examples={"one": {"incidents": [SHOWN_INCIDENT], "count": 1}},
    )
)(views_runs.Incidents)
extend_schema_view(
    post=operation(
        "Decide of a parked run: retry, skip or cancel its step; settle one that was cancelled in doubt",
        INCIDENT,
        sends=body({}, {"reason": maybe(TEXT), "outcome": maybe(enum("done", "not_done"))}),
        sends_examples={"all it needs": {}, "it was not carried out": {"outcome": "not_done"}},
        text="`outcome`, for retry, skip and settle: what a person found out of a call whose outcome nobody knew.",
        errors=(404, 409),
        examples={
            "done": {**SHOWN_INCIDENT, "resolved_at": NOW, "resolution": "retry", "resolved_by": "key:ops"}
        },
    )
)(views_runs.IncidentAction)
extend_schema_view(
    post=operation(
        "Retry many parked runs at once",
        answer(
            {
                "dry_run": BOOLEAN,
                "resumed": INTEGER,
                "failed": INTEGER,
                "incidents": array(answer(INCIDENT_KEYS, {"error": maybe(TEXT)})),
            }
        ),
        parameters=(
            *SCOPE,
            query("dry_run", enum("true", "false"), "Only show which"),
            *(query(name, TEXT) for name in ("reason", "step", "chain_name")),
        ),
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"none": {"dry_run": True, "resumed": 0, "failed": 0, "incidents": []}},
    )
)(views_runs.IncidentsResume)
LETTER = component(
    "DeadLetter",
    answer(
        {
            "chain_id": UUID,
            "chain_name": TEXT,
            "action_id": TEXT,
            "namespace": TEXT,
            "tenant": TEXT,
            "provider": TEXT,
            "action_type": TEXT,
            "step": maybe(TEXT),
            "error": TEXT,
            "attempts": INTEGER,
            "timestamp": INTEGER,
        }
    ),
)
SHOWN_LETTERS = {
    "entries": [
        {
            "chain_id": ID,
            "chain_name": "order-processing",
            "action_id": "order-1",
            **SHOWN_SCOPE,
            "provider": "warehouse",
            "action_type": "place_order",
            "step": "fulfill",
            "error": "TIMEOUT: no answer within 10 s",
            "attempts": 4,
            "timestamp": 1_773_154_800,
        }
    ],
    "count": 1,
}
extend_schema_view(
    get=operation(
        "How many dead letters there are",
        answer({"enabled": BOOLEAN, "count": INTEGER}),
        parameters=OPTIONAL_SCOPE,
        examples={"none": {"enabled": True, "count": 0}},
    )
)(views_runs.DeadLetterStats)
extend_schema_view(
    get=operation(
        "Dead letters",
        page("entries", LETTER),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": SHOWN_LETTERS},
    )
)(views_runs.DeadLetters)
extend_schema_view(
    post=operation(
        "Take the dead letters off the list; the runs stay",
        page("entries", LETTER),
        parameters=OPTIONAL_SCOPE,
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"one": SHOWN_LETTERS},
    )
)(views_runs.DeadLetterDrain)
extend_schema_view(
    post=operation(
        "Replay one dead letter: its run goes on at the failed step",
        CHAIN,
        sends=body({}, BODY_SCOPE),
        sends_examples={"all it needs": {}},
        errors=(404, 409),
        examples={"goes on": SHOWN_CHAIN},
    )
)(views_runs.DeadLetterReplay)
