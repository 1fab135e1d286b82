"""Every endpoint with what is asked of it, and what a stranger may be told: walked by test_tenancy.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OWN = "other-store"
CANARY = "zanzibar"  # stands in whatever of A could be read
MADE_UP = {
    "tenant": "no-such-store",
    "action": "no-such-action",
    "order": "no-such-order",
    "night": "no-such-night",
    "chain": "0189aaaa-0000-7000-8000-000000000001",
    "approval": "0189aaaa-0000-7000-8000-000000000002",
    "incident": "0189aaaa-0000-7000-8000-000000000003",
    "recurring": "0189aaaa-0000-7000-8000-00000000000d",
    "list": "0189aaaa-0000-7000-8000-000000000008",
    "silence": "0189aaaa-0000-7000-8000-00000000000b",
    "interval": "no-such-interval",
    "group": "0189aaaa-0000-7000-8000-00000000000c",
    "quota": "0189aaaa-0000-7000-8000-000000000004",
    "subscription": "0189aaaa-0000-7000-8000-000000000009",
    "delivery": "0189aaaa-0000-7000-8000-00000000000a",
    "policy": "0189aaaa-0000-7000-8000-000000000005",
    "template": "0189aaaa-0000-7000-8000-000000000006",
    "profile": "0189aaaa-0000-7000-8000-000000000007",
    "rule": "no-such-rule",
    "definition": "no-such-chain",
    "template_name": "no-such-template",
    "profile_name": "no-such-profile",
    "caller": "key:no-such-key",
    "dedup": "no-such-key",
    "number": "987654",
}


@dataclass(frozen=True)
class Call:
    """`query` and `body` hold {names} of MADE_UP; {ns} and {tenant} are the scope that is asked for."""

    query: str = ""
    body: Any = None
    status: tuple[int, ...] = (404,)
    headers: tuple[tuple[str, str], ...] = ()


IN_QUERY = "namespace={ns}&tenant={tenant}"
IN_BODY = {"namespace": "{ns}", "tenant": "{tenant}"}
ACTION = {**IN_BODY, "provider": "payment-gateway", "action_type": "place_order"}
ORDER = {
    **ACTION,
    "id": "{action}",
    "dedup_key": "{dedup}",
    "payload": {"order_id": "{order}", "total_cents": 7999, "shipping_country": "US"},
}
LIST = Call(IN_QUERY, status=(200, 400, 403))
EMPTY = Call(IN_QUERY, {}, status=(200, 400, 403))
BY_ID = Call(status=(404,))
SPAN = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
READ_RECURRING = (("GET", ""), ("DELETE", ""), ("GET", "/firings"), ("GET", "/next"))
DEFINITION = {"steps": [{"name": "a", "provider": "warehouse", "action_type": "x"}]}

SILENCE = {"matchers": [{"name": "a", "value": "b"}], "comment": "x", "duration_seconds": 60}
INTERVAL = "v1/time-intervals/<str:namespace>/<str:tenant>/<path:interval>"

WALK: dict[tuple[str, str], list[Call]] = {
    ("GET", "health"): [Call(status=(200,))],
    ("GET", ".well-known/acteon-signing-keys"): [Call(status=(200,))],
    ("GET", "v1/analytics"): [
        Call("metric=volume&group_by=tenant&" + IN_QUERY, status=(200, 400, 403)),
        Call("metric=top_action_types", status=(200,)),
        Call("metric=latency&group_by=provider", status=(200,)),
    ],
    ("GET", "v1/compliance/status"): [Call(status=(200,))],
    ("GET", "ready"): [Call(status=(200, 503))],
    ("GET", "status"): [Call(status=(200, 503))],
    ("GET", "metrics"): [Call(status=(403,))],
    ("GET", "metrics/prometheus"): [Call(status=(403,))],
    ("POST", "v1/auth/login"): [Call(body={"username": "{caller}", "password": "x"}, status=(401,))],
    ("POST", "v1/auth/logout"): [Call(body={}, status=(403,))],
    ("POST", "v1/dispatch"): [
        Call(body=ORDER, status=(200, 403)),
        Call("dry_run=true", ORDER, status=(200, 403)),
        Call(body={**ORDER, "template": "{profile_name}"}, status=(422, 403)),
        Call(body=ORDER, status=(200, 403), headers=(("Idempotency-Key", "a-key-of-a"),)),
    ],
    ("POST", "v1/dispatch/batch"): [Call(body=[ORDER, ORDER], status=(200,))],
    ("GET", "v1/events"): [LIST, Call(IN_QUERY + "&status=placed", status=(200, 400, 403))],
    ("GET", "v1/events/<path:fingerprint>"): [Call(IN_QUERY, status=(404, 403))],
    ("PUT", "v1/events/<path:fingerprint>/transition"): [
        Call(body={**IN_BODY, "to": "confirmed"}, status=(404, 403))
    ],
    ("POST", "v1/orders/<path:fingerprint>/cancel"): [Call(body=IN_BODY, status=(404, 403))],
    ("POST", "v1/orders/<path:fingerprint>/settle"): [
        Call(body={**IN_BODY, "paid": True}, status=(404, 403)),
        Call(body={**IN_BODY, "outcome": "done"}, status=(404, 403)),
    ],
    ("GET", "v1/scheduled"): [LIST],
    ("POST", "v1/scheduled/<path:action_id>/cancel"): [Call(body=IN_BODY, status=(404, 403))],
    ("GET", "v1/groups"): [LIST],
    **{
        (method, "v1/groups/<str:group_key>"): [BY_ID, Call(IN_QUERY, status=(404, 403))]
        for method in ("GET", "DELETE")
    },
    ("GET", "v1/approvals"): [LIST],
    **{
        (method, f"v1/approvals/<path:namespace>/<str:tenant>/<str:approval_id>{tail}"): [
            Call("sig=00&expires_at=1795000000", status=(404,)),
            Call("sig=00&expires_at=1795000000&kid=k1", status=(404,)),
            Call(status=(400,)),
        ]
        for tail, methods in (("", ("GET",)), ("/approve", ("GET", "POST")), ("/reject", ("GET", "POST")))
        for method in methods
    },
    ("POST", "v1/audit/replay"): [
        EMPTY,
        Call(IN_QUERY + "&outcome=executed&caller_id={caller}&chain_id={chain}", {}, status=(200, 403)),
    ],
    ("POST", "v1/audit/<path:action_id>/replay"): [
        Call(body={}, status=(404,)),
        Call(IN_QUERY, {}, (404, 403)),
    ],
    ("GET", "v1/recurring"): [LIST, Call(IN_QUERY + "&status=active", status=(200, 400, 403))],
    ("POST", "v1/recurring"): [
        Call(
            body={**ACTION, "name": "{template_name}", "payload": {}, "cron_expression": "0 0 1 1 *"},
            status=(201, 403),
        ),
    ],
    ("PUT", "v1/recurring/<str:pk>"): [Call(body={"description": "x"})],
    **{(method, f"v1/recurring/<str:pk>{rest}"): [BY_ID] for method, rest in READ_RECURRING},
    **{
        ("POST", f"v1/recurring/<str:pk>/{verb}"): [Call(body={**IN_BODY, **SPAN}, status=(404, 403))]
        for verb in ("pause", "resume", "backfill")
    },
    ("GET", "v1/templates"): [LIST],
    ("POST", "v1/templates"): [
        Call(body={**IN_BODY, "name": "{template_name}", "content": "x"}, status=(201, 403))
    ],
    ("POST", "v1/templates/render"): [
        Call(body={**IN_BODY, "profile": "{profile_name}", "payload": {}}, status=(404, 403)),
        Call(body={"template": "{{{{ x }}}}", "data": {}}, status=(200,)),
    ],
    ("GET", "v1/templates/profiles"): [LIST],
    ("POST", "v1/templates/profiles"): [
        Call(
            body={**IN_BODY, "name": "{profile_name}", "fields": {"a": {"$ref": "{template_name}"}}},
            status=(422, 403),
        ),
        Call(body={**IN_BODY, "name": "{profile_name}", "fields": {"a": "b"}}, status=(201, 403)),
    ],
    **{
        (method, f"v1/templates/{kind}<str:pk>"): [Call(body={} if method == "PUT" else None, status=(404,))]
        for method in ("GET", "PUT", "DELETE")
        for kind in ("", "profiles/")
    },
    ("GET", "v1/rules"): [Call(status=(200,))],
    ("PUT", "v1/rules/<path:name>/enabled"): [Call(body={"enabled": False}, status=(404,))],
    ("POST", "v1/rules/reload"): [Call(body={}, status=(403,))],
    **{
        (method, f"v1/rules/{path}"): [Call(body=None if method in ("GET", "DELETE") else {}, status=(403,))]
        for path, methods in {
            "check": ("GET",),
            "drafts": ("GET", "POST"),
            "drafts/<int:number>": ("GET", "PUT", "DELETE"),
            "drafts/<int:number>/rules/<path:name>": ("GET", "PUT", "DELETE"),
            "drafts/<int:number>/counters/<str:name>": ("GET", "PUT", "DELETE"),
            "drafts/<int:number>/check": ("GET",),
            "drafts/<int:number>/settle": ("POST",),
            "drafts/<int:number>/publish": ("POST",),
            "drafts/<int:number>/discard": ("POST",),
            "backtests": ("GET", "POST"),
            "backtests/<str:backtest_id>": ("GET", "DELETE"),
            "backtests/<str:backtest_id>/orders": ("GET",),
            "versions": ("GET",),
            "versions/<int:number>": ("GET",),
            "versions/<int:before>/diff/<int:after>": ("GET",),
            "versions/<int:number>/restore": ("POST",),
        }.items()
        for method in methods
    },
    ("GET", "v1/rules/lists"): [LIST],
    ("POST", "v1/rules/lists"): [Call(body={**IN_BODY, "name": "a-list"}, status=(201, 403))],
    **{
        (method, f"v1/rules/lists/<str:list_id>{tail}"): [Call(body=body, status=(404,))]
        for method, tail, body in (
            ("GET", "", None),
            ("PUT", "", {"description": "x"}),
            ("DELETE", "", None),
            ("GET", "/entries", None),
            ("POST", "/entries", {"entries": ["x"]}),
            ("POST", "/entries/remove", {"values": ["x"]}),
            ("POST", "/import", {"text": "x"}),
        )
    },
    ("POST", "v1/rules/evaluate"): [
        Call(body={**ORDER, "evaluate_all": True, "include_disabled": True}, status=(200, 403))
    ],
    ("GET", "v1/rules/explain/<path:action_id>"): [BY_ID],
    ("GET", "v1/rules/<path:name>/report"): [BY_ID, Call(IN_QUERY)],
    ("POST", "v1/rules/<path:name>/stage"): [Call(body={"stage": "live", "reason": "why"}, status=(403,))],
    ("GET", "v1/rules/coverage"): [Call(status=(200,)), LIST],
    ("GET", "v1/silences"): [Call(IN_QUERY + "&include_expired=true", status=(200, 403))],
    ("POST", "v1/silences"): [Call(body={**IN_BODY, **SILENCE}, status=(201, 403))],
    **{
        (method, "v1/silences/<str:silence_id>"): [
            Call(body=body, status=(404,)),
            Call(IN_QUERY, body, (404,)),
        ]
        for method, body in (("GET", None), ("PUT", {"comment": "x"}), ("DELETE", None))
    },
    ("GET", "v1/time-intervals"): [Call(IN_QUERY, status=(200, 403))],
    ("POST", "v1/time-intervals"): [
        Call(body={**IN_BODY, "name": "an-interval", "time_ranges": [{}]}, status=(201, 403))
    ],
    **{
        (method, INTERVAL): [Call(body=body, status=(404,))]
        for method, body in (("GET", None), ("PUT", {"description": "x"}), ("DELETE", None))
    },
    ("GET", "v1/quotas"): [Call(IN_QUERY, status=(200,))],
    ("POST", "v1/quotas"): [
        Call(
            body={**IN_BODY, "max_actions": 1, "window": "daily", "overage_behavior": "block"},
            status=(201, 403),
        )
    ],
    **{
        (method, "v1/quotas/<str:quota_id>"): [
            Call(body={"max_actions": 1} if method == "PUT" else None, status=(404,)),
            Call(IN_QUERY, {"max_actions": 1, **IN_BODY} if method == "PUT" else None, (404,)),
        ]
        for method in ("GET", "PUT", "DELETE")
    },
    ("GET", "v1/quotas/<str:quota_id>/usage"): [
        BY_ID,
        Call(IN_QUERY + "&principal={caller}", status=(404,)),
    ],
    ("GET", "v1/subscriptions"): [Call(IN_QUERY, status=(200,))],
    ("POST", "v1/subscriptions"): [
        Call(
            body={
                **IN_BODY,
                "name": "{caller}",
                "url": "https://hooks.example.com/",
                "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazdnv5rAK/s=",
            },
            status=(201, 403),
        )
    ],
    **{
        (method, f"v1/subscriptions/<str:subscription_id>{tail}"): [
            Call(body=None if method in ("GET", "DELETE") else {}, status=(404,)),
            Call(IN_QUERY, None if method in ("GET", "DELETE") else {}, (404,)),
        ]
        for tail, methods in {
            "": ("GET", "PUT", "DELETE"),
            "/enable": ("POST",),
            "/disable": ("POST",),
            "/rotate-secret": ("POST",),
            "/test": ("POST",),
            "/replay": ("POST",),
            "/deliveries": ("GET",),
            "/deliveries/<str:delivery_id>": ("GET",),
            "/deliveries/<str:delivery_id>/resend": ("POST",),
        }.items()
        for method in methods
    },
    ("GET", "v1/retention"): [Call(IN_QUERY, status=(200,))],
    ("POST", "v1/retention"): [Call(body=IN_BODY, status=(201, 403))],
    **{
        (method, "v1/retention/<str:policy_id>"): [
            Call(body={"enabled": False} if method == "PUT" else None, status=(404,))
        ]
        for method in ("GET", "PUT", "DELETE")
    },
    ("GET", "v1/chains"): [LIST],
    ("GET", "v1/chains/<str:chain_id>"): [BY_ID, Call(IN_QUERY, status=(404,))],
    ("GET", "v1/chains/<str:chain_id>/history"): [BY_ID, Call(IN_QUERY, status=(404,))],
    ("GET", "v1/chains/<str:chain_id>/timeline"): [BY_ID, Call(IN_QUERY, status=(404,))],
    ("GET", "v1/chains/<str:chain_id>/dag"): [BY_ID, Call(IN_QUERY, status=(404,))],
    ("POST", "v1/chains/<str:chain_id>/cancel"): [Call(body=IN_BODY, status=(404,))],
    ("POST", "v1/chains/<str:chain_id>/retry"): [
        Call(body={}, status=(404,)),
        Call(body=IN_BODY, status=(404,)),
    ],
    ("POST", "v1/chains/<str:chain_id>/settle"): [
        Call(body={**IN_BODY, "outcome": "not_done"}, status=(404,)),
        Call(body={"outcome": "done"}, status=(404,)),
    ],
    ("POST", "v1/chains/<str:chain_id>/signal"): [Call(body={**IN_BODY, "signal": "go"}, status=(404,))],
    ("GET", "v1/dlq"): [LIST],
    ("GET", "v1/dlq/stats"): [LIST],
    ("POST", "v1/dlq/drain"): [EMPTY],
    ("POST", "v1/dlq/<str:chain_id>/replay"): [
        Call(body={}, status=(404,)),
        Call(body=IN_BODY, status=(404,)),
    ],
    ("GET", "v1/incidents"): [LIST, Call(IN_QUERY + "&all=true", status=(200, 403))],
    ("POST", "v1/incidents/resume"): [EMPTY, Call(IN_QUERY + "&dry_run=true", {}, (200, 403))],
    **{
        ("POST", f"v1/incidents/<str:incident_id>/{verb}"): [Call(body={}, status=(404,))]
        for verb in ("retry", "skip", "cancel", "settle")
    },
    ("GET", "v1/chains/definitions"): [Call(status=(200,))],
    ("GET", "v1/chains/definitions/<str:name>"): [BY_ID],
    ("PUT", "v1/chains/definitions/<str:name>"): [Call(body=DEFINITION, status=(403,))],
    ("DELETE", "v1/chains/definitions/<str:name>"): [Call(status=(403,))],
    ("GET", "v1/chains/definitions/<str:name>/dag"): [BY_ID],
    ("GET", "v1/providers/health"): [Call(status=(403,))],
    **{("GET", f"{area}/circuit-breakers"): [Call(status=(403,))] for area in ("v1", "admin")},
    **{
        ("POST", f"{area}/circuit-breakers/<path:provider>/{verb}"): [Call(body={}, status=(403,))]
        for area in ("v1", "admin")
        for verb in ("trip", "reset")
    },
    ("GET", "v1/audit"): [
        LIST,
        Call("action_type=place_order", status=(200,)),
        Call("caller_id={caller}", status=(200,)),
        Call("chain_id={chain}", status=(200,)),
        Call("matched_rule={rule}", status=(200,)),
    ],
    ("GET", "v1/audit/<path:action_id>"): [BY_ID],
    ("POST", "v1/audit/verify"): [Call(body=IN_BODY, status=(200, 403))],
    # Open streams are listened to in test_stream.py; what refuses at once is the same for made-up names here.
    ("GET", "v1/stream"): [Call("namespace=%00", status=(400,))],
    ("GET", "v1/subscribe/<str:kind>/<path:key>"): [BY_ID],
}
# What a path's parameter is filled with.
IN_PATH = {
    "<path:fingerprint>": "order",
    "<path:action_id>": "action",
    "<path:namespace>": "ns",
    "<str:tenant>": "tenant",
    "<str:approval_id>": "approval",
    "<path:name>": "rule",
    "<str:backtest_id>": "chain",
    **dict.fromkeys(("<int:number>", "<int:before>", "<int:after>"), "number"),
    "<str:name>": "definition",
    "<str:list_id>": "list",
    "<str:group_key>": "group",
    "<str:quota_id>": "quota",
    "<str:subscription_id>": "subscription",
    "<str:delivery_id>": "delivery",
    "<str:silence_id>": "silence",
    "<str:namespace>": "ns",
    "<path:interval>": "interval",
    "<str:policy_id>": "policy",
    "<str:chain_id>": "chain",
    "<str:incident_id>": "incident",
    "<path:provider>": "caller",
    "<str:kind>": "kind",
    "<path:key>": "chain",
}
