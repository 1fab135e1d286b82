"""Dead letters through the API: replayed once, whoever asks; refused where money went back or the order went on."""

from __future__ import annotations

import pytest

from acteon_site.base.ids import new_id
from audit_app.models import AuditRecord
from chains_app.models import Run
from orders_app.models import Order
from tests.chains_app.gateway import Gateway, detail, placed, settle
from tests.chains_app.repair.stopped import failed, parked, placed_anew, refunded
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.django_db


def replay(shop: Shop, run: Run) -> tuple[int, str]:
    answer = shop.post(f"/v1/dlq/{run.pk}/replay")
    return answer.status_code, answer.json().get("code", "")


def test_a_replay_goes_on_at_the_failed_step_and_keeps_what_was_done(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway, kind="charge_card")
    assert replay(shop, run) == (200, "")
    settle(4)
    found = detail(shop, run)
    assert (found["status"], found["definition_version"]) == ("completed", 1)
    assert len(gateway.calls("validate_order")) == 1
    assert gateway.keys("charge_card") == {f"{run.pk}:charge"}
    assert shop.scoped("/v1/dlq")["entries"] == []
    assert Order.objects.get().status == "completed"


def test_the_trail_says_who_replayed_it(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    replay(shop, run)
    row = AuditRecord.objects.get(outcome="chain_step_retrying", chain_id=run.pk)
    assert (row.caller_id, row.auth_method) == (f"key:{shop.key.name}", "api_key")
    assert row.outcome_details["step"] == "validate"
    assert row.outcome_details["after"] == {"code": "EXECUTION_FAILED", "message": "HTTP 422: no"}


def test_a_dead_letter_is_replayed_once(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    replay(shop, run)
    assert replay(shop, run) == (409, "NOT_A_DEAD_LETTER")
    settle(4)
    assert replay(shop, run) == (409, "NOT_A_DEAD_LETTER")
    assert len(gateway.calls("charge_card")) == 1


def test_what_is_refunded_is_not_replayed_and_stays_on_the_list(shop: Shop, gateway: Gateway) -> None:
    run = refunded(shop, gateway)
    assert replay(shop, run) == (409, "COMPENSATED")
    settle(2)
    assert len(gateway.calls("ship_order")) == 1
    assert [letter["chain_id"] for letter in shop.scoped("/v1/dlq")["entries"]] == [str(run.pk)]


def test_what_was_placed_anew_is_not_replayed(shop: Shop, gateway: Gateway) -> None:
    run = placed_anew(shop, gateway)
    assert replay(shop, run) == (409, "PLACED_ANEW")
    settle(2)
    assert len(gateway.calls("charge_card")) == 1


def test_what_retention_has_removed_is_not_replayed(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    Order.objects.all().delete()
    assert replay(shop, run) == (409, "ORDER_GONE")
    assert shop.post(f"/v1/chains/{run.pk}/retry").status_code == 409


def test_a_run_under_way_and_a_made_up_one_are_no_dead_letters(shop: Shop, gateway: Gateway) -> None:
    assert replay(shop, placed(shop)) == (409, "NOT_A_DEAD_LETTER")
    for key in (new_id(), "nonsense"):
        assert shop.post(f"/v1/dlq/{key}/replay").status_code == 404


def test_a_viewers_key_and_a_strangers_replay_nothing(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    assert replay(Shop(role="viewer"), run)[0] == 403
    assert replay(Shop(tenants=["other"]), run)[0] == 404
    run.refresh_from_db()
    assert run.status == "failed"


def test_draining_is_written_down_and_ends_replays(shop: Shop, gateway: Gateway) -> None:
    run = failed(shop, gateway)
    assert (
        shop.post(f"/v1/dlq/drain?namespace={SCOPE['namespace']}&tenant={SCOPE['tenant']}").status_code == 200
    )
    row = AuditRecord.objects.get(outcome="state_changed", chain_id=run.pk)
    assert row.caller_id == f"key:{shop.key.name}"
    assert (row.outcome_details["from"], row.outcome_details["to"]) == ("dead_letter", "dismissed")
    assert replay(shop, run) == (409, "NOT_A_DEAD_LETTER")


def test_a_preview_of_incidents_says_what_would_not_go_on(shop: Shop, gateway: Gateway) -> None:
    incident, other = parked(shop, "a"), parked(shop, "b")
    incident.run.steps.filter(name="validate").update(undo="done")
    answer = shop.post("/v1/incidents/resume?namespace=ecommerce&tenant=acme-store&dry_run=true").json()
    errors = {row["id"]: row["error"] for row in answer["incidents"]}
    assert errors[str(other.pk)] is None
    assert "was compensated" in errors[str(incident.pk)]
    assert Run.objects.filter(status="waiting_signal").count() == 2
    done = shop.post("/v1/incidents/resume?namespace=ecommerce&tenant=acme-store").json()
    assert (done["resumed"], done["failed"]) == (1, 1)


def test_skips_are_written_down_and_a_cancel_names_who_and_why(shop: Shop, gateway: Gateway) -> None:
    skipped, cancelled = parked(shop, "a"), parked(shop, "b")
    shop.post(f"/v1/incidents/{skipped.pk}/skip")
    shop.post(f"/v1/incidents/{cancelled.pk}/cancel", {"reason": "card 4111111111111111 is blocked"})
    settle(2)
    skip = AuditRecord.objects.get(outcome="chain_step_skipped", chain_id=skipped.run_id)
    assert skip.outcome_details["by"] == f"key:{shop.key.name}"
    end = AuditRecord.objects.get(outcome="chain_cancelled", chain_id=cancelled.run_id)
    assert end.outcome_details["cancelled_by"] == f"key:{shop.key.name}"
    reason = Run.objects.get(pk=cancelled.run_id).cancel_reason
    assert reason.startswith("card ")
    assert "4111" not in reason + str(end.outcome_details)
