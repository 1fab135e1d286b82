"""The timeline of a run: every call with what was sent, of it and of what runs below it, and no secret."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from acteon_site.base import config_versions
from chains_app.definitions.picture import svg
from chains_app.models import Attempt, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chains_save
from chains_app.services.leases import lease_take
from chains_app.services.run_trees import graph_of
from tests.chains_app.gateway import CHAIN, Gateway, settle, start, step, undoable
from tests.chains_app.pages import staff, url
from tests.chains_app.test_seen import begun, group, nested
from tests.chains_app.turning import run_turn
from tests.world import SCOPE, Shop

CARD = "4111111111111111"


def timeline(shop: Shop, run: Run, **query: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = shop.get(f"/v1/chains/{run.pk}/timeline", **query).json()["entries"]
    return entries


def test_the_timeline_has_every_call_of_the_run_and_of_those_below_it(shop: Shop, gateway: Gateway) -> None:
    gateway.script = {"do_pay": [503], "do_ship": [400]}
    specs = nested(step("ship"))
    specs[2]["steps"][0]["retry"] = {"max_retries": 2}
    run = begun(shop, specs)
    settle()
    entries = timeline(shop, run)
    assert [(entry["step"], entry["attempt"], entry["kind"], entry["success"]) for entry in entries][:4] == [
        ("pay", 1, "call", False),
        ("pay", 2, "call", True),
        ("score", 1, "call", True),
        ("scan", 1, "call", True),
    ]
    undone = [entry["step"] for entry in entries if entry["kind"] == "compensation"]
    assert sorted(undone) == ["pay", "x", "y"]
    assert entries == sorted(entries, key=lambda entry: entry["started_at"])
    failed = next(entry for entry in entries if entry["step"] == "ship")
    assert failed["error"]["code"] == "EXECUTION_FAILED"
    assert "400" in failed["error"]["message"]
    assert failed["response_body"] is None
    sent = {said["idempotency_key"] for said in entries}
    assert sent == {said.headers["idempotency-key"] for said in gateway.peer.said}
    assert timeline(shop, run, limit=2, offset=1) == entries[1:3]


def test_what_is_shown_as_sent_is_what_was_sent(shop: Shop, gateway: Gateway) -> None:
    """Rendered afterwards, when later steps have answered and the definition has changed."""
    gateway.bodies = {"do_a": {"n": 1}, "do_x": {"n": 2}, "do_b": {"n": 3}, "undo_a": {"refund": "r-1"}}
    gateway.script["do_c"] = [400]
    template = {
        "prev": "{{prev.body}}",
        "a": "{{steps.a.body.n}}",
        "id": "{{run.id}}",
    }
    compensate = {
        "provider": "peer",
        "action_type": "undo_a",
        "payload_template": {"last": "{{prev.body.n}}"},
    }
    run = start(
        shop,
        step("a", compensate=compensate),
        group(step("x", payload_template=template), step("y")),
        step("b", payload_template=template),
        step("c", payload_template=template),
    )
    settle()
    chains_save(specs=[{**CHAIN, "steps": [step("a", payload_template={"new": 1})]}], actor="test")
    config_versions.reset()
    really = {said["action_type"]: said["payload"] for said in gateway.calls()}
    told = {entry["action_type"]: entry for entry in timeline(shop, run)}
    assert really.keys() == told.keys()
    hidden = ("do_a", "do_y")  # these send the origin, which holds what is redacted
    for name in really.keys() - set(hidden):
        assert told[name]["payload"] == really[name], name
    for name in hidden:
        assert told[name]["payload"] == {
            **really[name],
            **dict.fromkeys(("card_number", "card_last4", "billing_zip"), "[REDACTED]"),
        }
    assert told["do_b"]["response_body"] == {"n": 3}
    assert told["undo_a"]["response_body"] == {"refund": "r-1"}
    assert UUID(told["do_b"]["payload"]["id"]) == run.pk


def test_no_card_and_no_redacted_field_is_seen_in_the_timeline(shop: Shop, gateway: Gateway) -> None:
    """Sent under another name, inside text, as part of an answer or an error: also on the admin's page."""
    gateway.bodies = {
        "do_a": {"echo": {"card_number": CARD}, "token": CARD, "text": f"paid by {CARD[:4]} 1111 1111 1111"},
        "undo_a": {"card_number": CARD, "said": f"back to {CARD}"},
    }
    gateway.script["do_c"] = [400]
    short = {"ends": "{{origin.payload.card_last4}}", "text": "ends in {{origin.payload.card_last4}}"}
    known = {"number": "{{steps.a.body.echo.card_number}}", "token": "{{steps.a.body.token}}", "zip": 1}
    compensate = {"provider": "peer", "action_type": "undo_a", "payload_template": {**short, **known}}
    run = start(
        shop,
        step("a", payload_template=short, compensate=compensate),
        step("b", payload_template={**known, "whole": "{{origin.payload}}"}),
        step("c"),
    )
    settle()
    answer = shop.get(f"/v1/chains/{run.pk}/timeline").content.decode()
    page = staff().get(url("run", "change", run.pk)).content.decode()
    for text in (answer, page):
        for secret in (CARD, "4242", "94107", "1111 1111"):
            assert secret not in text, secret
        assert "[REDACTED]" in text
    first = timeline(shop, run)[0]
    assert first["payload"] == {"ends": "[REDACTED]", "text": "[REDACTED]"}
    assert gateway.calls("do_a")[0]["payload"] == {"ends": "4242", "text": "ends in 4242"}


def test_a_call_under_way_has_no_end_and_no_outcome(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a"))
    lease = lease_take(run.pk)
    assert lease is not None
    run_turn(lease)
    (entry,) = timeline(shop, run)
    assert (entry["completed_at"], entry["duration_ms"], entry["success"], entry["error"]) == (None,) * 4
    assert "in flight" in staff().get(url("run", "change", run.pk)).content.decode()


def test_an_outcome_that_nobody_knows_is_told_as_such(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_a"] = [0]
    run = start(shop, step("a", on_unknown="park"))
    settle(2)
    (entry,) = timeline(shop, run)
    assert entry["success"] is None
    assert entry["completed_at"]
    assert "● waits" in svg(graph_of(Run.objects.get(pk=run.pk)))
    assert "outcome unknown" in staff().get(url("run", "change", run.pk)).content.decode()


def test_the_history_stays_as_the_contract_has_it(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_b"] = [400]
    run = start(shop, undoable("a"), step("b"))
    settle()
    steps = shop.get(f"/v1/chains/{run.pk}/history").json()["steps"]
    assert [len(step["attempts"]) for step in steps] == [1, 1]
    assert Attempt.objects.filter(step__run=run, undo=True).exists()


def test_the_page_shows_compensations_and_what_was_sent(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_ship"] = [400]
    run = begun(shop, nested(step("ship")), payload={"order_id": "o-77"})
    settle()
    page = staff().get(url("run", "change", run.pk)).content.decode()
    assert page.count('class="gw-call"') == len(timeline(shop, run))
    assert "compensation</span>" in page
    assert "in inner" in page
    assert "branch of both" in page
    assert "execution failed" in page
    assert page.count("o-77") > 5
    assert f"{run.pk}:pay:compensate" in page


def test_who_may_not_see_the_run_sees_no_timeline(shop: Shop, gateway: Gateway) -> None:
    run = start(shop, step("a"))
    runs_sweep()
    stranger = Shop(tenants=["other-store"], namespaces=["ecommerce"])
    assert stranger.get(f"/v1/chains/{run.pk}/timeline").status_code == 404
    assert shop.get(f"/v1/chains/{run.pk}/timeline", **{**SCOPE, "tenant": "other"}).status_code == 404
    assert Shop(role="viewer").get(f"/v1/chains/{run.pk}/timeline").status_code == 200


def test_a_notices_links_are_seen_by_nobody_and_a_bare_call_has_a_timeline(
    shop: Shop, gateway: Gateway, settings: Any
) -> None:
    """Who has an approval's link may decide by it."""
    held = shop.place(payload={"total_cents": 75_000})["PendingApproval"]
    bare = shop.dispatch({**SCOPE, "provider": "peer", "action_type": "ping", "payload": {"n": 1}}).json()
    assert "Executed" in bare
    settle(2)
    notice = Run.objects.get(kind="notice")
    assert "sig=" in notice.origin["payload"]["approve_url"]
    page = staff().get(url("run", "change", notice.pk)).content.decode()
    for text in (page, json.dumps(timeline(shop, notice))):
        assert held["approval_id"] in text
        assert "sig=" not in text
    single = Run.objects.get(kind="single")
    assert [(entry["provider"], entry["payload"]) for entry in timeline(shop, single)] == [("peer", {"n": 1})]
