"""No text of a request is longer than the column that it lands in: PostgreSQL would fail on it, where SQLite does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from acteon_site.base import config_versions
from tests.acteon_site.config_files.conftest import LIFECYCLE, Pipeline
from tests.contract.client import Strict
from tests.contract.test_tenancy import everything_of
from tests.world import SCOPE, Shop, order

pytestmark = pytest.mark.postgres
LENGTHS = (151, 201, 257, 1001)
QUOTA = {
    **SCOPE,
    "provider": "warehouse",
    "max_actions": 5,
    "window": "daily",
    "overage_behavior": "notify:sms-service",
}
STEP = {"name": "a", "provider": "warehouse", "action_type": "x", "transition_to": "confirmed"}
CHAIN = {"name": "long", "description": "", "steps": [STEP], "trigger": {"action_type": "long", **SCOPE}}
ACTION = order() | {
    **dict.fromkeys(("fingerprint", "status", "signature", "signer_id", "kid", "trace_context"), "x"),
    "metadata": {"k": "v"},
}
NAMED = {**SCOPE, "name": "x", "description": "", "labels": {"k": "v"}}
# Each endpoint that stores texts, with all that it takes.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/dispatch"): ACTION,
    ("POST", "/v1/rules/evaluate"): ACTION,
    ("PUT", "/v1/events/{order}/transition"): {**SCOPE, "to": "confirmed"},
    ("POST", "/v1/orders/{order}/cancel"): {**SCOPE, "reason": "x"},
    ("POST", "/v1/scheduled/{night}/cancel"): SCOPE,
    ("POST", "/v1/chains/{parked}/cancel"): {**SCOPE, "reason": "x", "cancelled_by": "x"},
    ("POST", "/v1/chains/{parked}/signal"): {**SCOPE, "signal": "x"},
    ("POST", "/v1/chains/{parked}/retry"): {"outcome": "x"},
    ("POST", "/v1/incidents/{incident}/cancel"): {"reason": "x"},
    ("POST", "/v1/incidents/{incident}/skip"): {"outcome": "x"},
    ("POST", "/v1/chains/{parked}/settle"): {"outcome": "done", "step": "x", "reason": "x"},
    ("POST", "/v1/quotas"): {**QUOTA, "principal": "x", "description": "", "labels": {"k": "v"}},
    ("PUT", "/v1/quotas/{quota}"): {"principal": "x"},
    ("POST", "/v1/subscriptions"): {
        **SCOPE,
        **dict.fromkeys(("name", "description"), "x"),
        "notify_provider": "email-service",
        "url": "https://hooks.example.com/",
    },
    ("PUT", "/v1/subscriptions/{subscription}"): {"name": "x", "description": "x"},
    ("POST", "/v1/silences"): {
        **SCOPE,
        "matchers": [{"name": "x", "value": "x"}],
        "comment": "x",
        "duration_seconds": 60,
    },
    ("PUT", "/v1/silences/{silence}"): {"comment": "x"},
    ("POST", "/v1/time-intervals"): {**SCOPE, "name": "x", "time_ranges": [{}], "description": ""},
    ("POST", "/v1/rules/lists"): {**SCOPE, "name": "x", "description": ""},
    ("PUT", "/v1/rules/lists/{list}"): {"description": "x"},
    ("POST", "/v1/rules/lists/{list}/entries"): {"entries": [{"value": "x", "note": "x"}]},
    ("POST", "/v1/rules/lists/{list}/import"): {"text": "x"},
    ("PUT", "/v1/retention/{policy}"): {"description": "x"},
    ("POST", "/v1/templates"): {**NAMED, "content": "x"},
    ("PUT", "/v1/templates/{template}"): {"name": "x"},
    ("POST", "/v1/templates/profiles"): {**NAMED, "fields": {"x": "x"}},
    ("PUT", "/v1/templates/profiles/{profile}"): {"name": "x"},
    ("PUT", "/v1/rules/{rule}/enabled"): {"enabled": False},
    ("PUT", "/v1/chains/definitions/long"): CHAIN,
    ("POST", "/v1/circuit-breakers/warehouse/trip"): {},
    ("POST", "/v1/auth/login"): {"username": "x", "password": "x"},
}


@pytest.fixture
def names(shop: Shop) -> dict[str, str]:
    there = everything_of(shop)
    incidents = shop.scoped("/v1/incidents")["incidents"]
    return there | {"parked": incidents[0]["chain_id"]}


@pytest.fixture
def long_named(shop: Shop) -> Strict:
    """Whatever it changes is noted under the longest id that a caller can have."""
    return Strict(Shop(name="k" * 150).secret)


def test_a_text_that_is_too_long_is_refused_and_its_field_named(
    long_named: Strict, names: dict[str, str], subtests: pytest.Subtests
) -> None:
    for (method, path), body in BODIES.items():
        with subtests.test(f"{method} {path}"):
            assert sent(long_named, method, path.format(**names), body).status_code != 404
            for at in texts(body):
                for length in LENGTHS:
                    one = {**body, **fresh()} if path == "/v1/dispatch" else body
                    check(sent(long_named, method, path.format(**names), replaced(one, at, "x" * length)), at)


def check(answer: Any, at: tuple[Any, ...]) -> None:
    if answer.status_code == 422:
        named = {problem["field"].split(".")[-1] for problem in answer.json()["details"]}
        assert at[-1] in named, named


@pytest.mark.parametrize("length", LENGTHS)
def test_names_in_paths_may_be_of_any_length(long_named: Strict, shop: Shop, length: int) -> None:
    name = "x" * length
    saved = sent(long_named, "PUT", f"/v1/chains/definitions/{name}", {"steps": [STEP]})
    assert saved.status_code == (200 if length <= 200 else 422)
    assert sent(long_named, "PUT", f"/v1/rules/{name}/enabled", {"enabled": True}).status_code == 404
    assert sent(long_named, "POST", f"/v1/circuit-breakers/{name}/trip", {}).status_code == 404
    assert sent(long_named, "POST", f"/v1/scheduled/{name}/cancel", SCOPE).status_code == 404


@pytest.mark.parametrize("word", ["sale", "sell", "open"])
def test_a_lifecycle_of_too_long_names_does_not_load(db: None, tmp_path: Any, word: str) -> None:
    assert Pipeline(tmp_path).refused({"lifecycles.yaml": LIFECYCLE.replace(word, "x" * 257)})


@pytest.mark.parametrize("long", [{"fields": ["x" * 201]}, {"placeholder": "x" * 41}])
def test_redaction_of_too_long_names_does_not_load(db: None, tmp_path: Any, long: dict[str, Any]) -> None:
    group = {"fields": ["card"], **long}
    assert Pipeline(tmp_path).refused({"redaction.yaml": json.dumps({"redaction": group})})


def sent(client: Strict, method: str, path: str, body: Any) -> Any:
    """The answer, which is no server error; what it changed is undone."""
    if path == "/v1/dispatch":  # it calls a provider, which nobody does inside a transaction
        answer = client.send(method, path, body=body)
    else:
        with transaction.atomic():
            answer = client.send(method, path, body=body)
            transaction.set_rollback(True)
    config_versions.reset()
    assert answer.status_code < 500, answer.content
    return answer


def fresh() -> dict[str, Any]:
    """So that no action is taken for the one before."""
    another = order()
    return {**{name: another[name] for name in ("id", "dedup_key", "payload")}, "fingerprint": another["id"]}


def texts(body: Any) -> list[tuple[str, ...]]:
    """Where its texts stand, those in lists too."""
    inner = body.items() if isinstance(body, dict) else enumerate(body)
    found: list[tuple[str, ...]] = []
    for key, value in inner:
        found += [(key,)] if isinstance(value, str) else []
        found += [(key, *at) for at in texts(value)] if isinstance(value, (dict, list)) else []
    return found


def replaced(body: Any, at: tuple[Any, ...], text: str) -> Any:
    copy = json.loads(json.dumps(body))
    place = copy
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = text
    return copy
