"""Replays: from the stored original, each action to its effect once, however often and by whomever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.principals import SYSTEM
from audit_app.models import AuditRecord
from chains_app.models import Provider, Run, StepRun
from orders_app.models import Action
from orders_app.pipeline.dispatch import dispatch_many
from orders_app.services import replay
from orders_app.services.replay import Replayed, action_replay, original_of, submission_for
from rules_app.models import Rule
from tests.contract import shapes
from tests.contract.client import Strict, part
from tests.contract.conftest import AddRule
from tests.threads import at_once
from tests.world import SCOPE, Shop, load_shop, publish_rules

PING = {**SCOPE, "provider": "warehouse", "action_type": "ping", "payload": {"n": 1}}
LOST = {**PING, "provider": "nobody"}


@pytest.fixture
def allowed(rule: AddRule) -> None:
    """Bare actions of the type `ping` are allowed."""
    rule("allow")


def dispatched(client: Strict, action_id: str, **changes: Any) -> Any:
    return client.post("/v1/dispatch", shapes.outcome, {**PING, "id": action_id, **changes})


def replayed(client: Strict, **query: Any) -> Any:
    return client.call("POST", "/v1/audit/replay", shapes.REPLAYS, query={**SCOPE, **query})


def counted(told: dict[str, Any]) -> tuple[int, int, int]:
    return told["replayed"], told["failed"], told["skipped"]


def now_there(name: str = "nobody") -> None:
    Provider.objects.create(name=name, kind="log")
    config_versions.reset()


def test_a_replay_without_a_query_takes_what_the_key_may_see(
    client: Strict, stranger: Strict, allowed: None
) -> None:
    other = {**LOST, "tenant": "other-store"}
    dispatched(client, "same-id", provider="nobody")
    client.post("/v1/dispatch", shapes.outcome, {**other, "id": "same-id"})
    client.post("/v1/dispatch", shapes.outcome, {**other, "id": "theirs"})
    now_there()
    ask = ("POST", "/v1/audit/replay", shapes.REPLAYS)
    told = stranger.call(*ask)
    assert counted(told) == (2, 0, 0)
    assert {row["original_action_id"] for row in told["results"]} == {"same-id", "theirs"}
    assert set(Action.objects.exclude(replay_of="").values_list("tenant", flat=True)) == {"other-store"}
    assert counted(client.call(*ask)) == (1, 0, 0)
    assert counted(client.call(*ask)) == (0, 0, 0)
    stranger.refused("POST", "/v1/audit/replay?namespace=ecommerce&tenant=acme-store", 403)


def test_equal_filtered_replays_tell_the_same(client: Strict, allowed: None) -> None:
    for number in range(2):
        assert "Failed" in dispatched(client, f"f-{number}", provider="nobody")
    told = [counted(replayed(client)) for _ in range(3)]
    assert told == [(0, 2, 0)] * 3
    assert Action.objects.exclude(replay_of="").count() == 6


def test_what_a_replay_brought_to_effect_is_replayed_no_more(client: Strict, allowed: None) -> None:
    dispatched(client, "f-1", provider="nobody")
    now_there()
    assert counted(replayed(client)) == (1, 0, 0)
    assert counted(replayed(client)) == (0, 0, 0)
    told = client.post("/v1/audit/f-1/replay", shapes.REPLAYED)
    assert (told["new_action_id"], told["success"]) == ("", False)
    assert Run.objects.filter(action_type="ping").count() == 1


def test_a_replay_of_a_replay_belongs_to_the_first(client: Strict, allowed: None) -> None:
    dispatched(client, "f-1", provider="nobody")
    second = client.post("/v1/audit/f-1/replay", shapes.REPLAYED)["new_action_id"]
    third = client.post(f"/v1/audit/{second}/replay", shapes.REPLAYED)["new_action_id"]
    assert set(Action.objects.exclude(replay_of="").values_list("action_id", "replay_of")) == {
        (second, "f-1"),
        (third, "f-1"),
    }


def test_an_executed_bare_action_is_not_run_again(client: Strict, allowed: None) -> None:
    assert "Executed" in dispatched(client, "p-1")
    told = client.post("/v1/audit/p-1/replay", shapes.REPLAYED)
    assert (told["success"], told["new_action_id"], told["outcome"]) == (False, "", None)
    assert "took effect" in told["error"]
    assert counted(replayed(client, outcome="executed")) == (0, 0, 1)
    assert Run.objects.filter(action_type="ping").count() == 1


def test_an_action_that_came_to_effect_under_its_own_id_is_not_run_again(
    client: Strict, allowed: None
) -> None:
    dispatched(client, "p-1", provider="nobody")
    assert "Executed" in dispatched(client, "p-1")
    assert counted(replayed(client)) == (0, 0, 1)


def test_what_a_chain_rule_took_is_not_run_again_once_retention_has_removed_its_run(
    client: Strict, rule: AddRule
) -> None:
    rule("chain", chain="fraud-review")
    assert "ChainStarted" in dispatched(client, "c-1")
    StepRun.objects.all().delete()
    Run.objects.all().delete()
    told = client.post("/v1/audit/c-1/replay", shapes.REPLAYED)
    assert (told["success"], told["outcome"]) == (False, None)
    assert counted(replayed(client, outcome="chain_started")) == (0, 0, 1)
    assert not Run.objects.exists()


def test_an_action_with_many_rows_does_not_crowd_out_others(client: Strict, allowed: None) -> None:
    dispatched(client, "rare", provider="nobody")
    for _ in range(3):
        dispatched(client, "often", provider="nobody")
    assert counted(replayed(client, limit=2)) == (0, 2, 0)
    assert set(Action.objects.exclude(replay_of="").values_list("replay_of", flat=True)) == {"rare", "often"}


def test_what_retention_removes_meanwhile_is_skipped(client: Strict, allowed: None) -> None:
    dispatched(client, "f-1", provider="nobody")
    original = original_of(SCOPE["namespace"], SCOPE["tenant"], "f-1")
    Action.objects.filter(action_id="f-1").delete()
    told = action_replay(original, submission_for(SYSTEM, "r"))
    assert told == Replayed("f-1", None, None, "the original is no longer stored", skipped=True)


def test_what_retention_removes_while_it_is_dispatched_is_skipped(
    client: Strict, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatched(client, "f-1", provider="nobody")
    now_there()
    original = original_of(SCOPE["namespace"], SCOPE["tenant"], "f-1")

    def removed_first(*given: Any, **more: Any) -> Any:
        Action.objects.filter(action_id="f-1").delete()
        return dispatch_many(*given, **more)

    monkeypatch.setattr(replay, "dispatch_many", removed_first)
    told = action_replay(original, submission_for(SYSTEM, "r"))
    assert told == Replayed("f-1", None, None, "the original is no longer stored", skipped=True)
    assert not Action.objects.filter(action_type="ping").exists()
    assert not Run.objects.filter(action_type="ping").exists()


def under_way(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="running", ended_at=None, next_run_at=timezone.now())


def in_doubt(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="failed", error_code="TIMEOUT")
    StepRun.objects.filter(run=run).update(status="failed", unknown=True)


def removed_by_retention(run: Run) -> None:
    run.delete()


@pytest.mark.parametrize("becomes", [under_way, in_doubt, removed_by_retention])
def test_what_is_not_known_to_have_failed_is_not_run_again(
    client: Strict, allowed: None, becomes: Callable[[Run], None]
) -> None:
    dispatched(client, "p-1")
    becomes(Run.objects.get(action_type="ping"))
    told = client.post("/v1/audit/p-1/replay", shapes.REPLAYED)
    assert told["new_action_id"] == ""
    assert Action.objects.filter(action_type="ping").count() == 1


def test_a_bare_action_that_failed_for_good_is_run_again(client: Strict, allowed: None) -> None:
    dispatched(client, "p-1")
    run = Run.objects.get(action_type="ping")
    Run.objects.filter(pk=run.pk).update(status="failed")
    StepRun.objects.filter(run=run).update(status="failed")

    AuditRecord.objects.filter(action_id="p-1").update(outcome="failed")
    assert client.post("/v1/audit/p-1/replay", shapes.REPLAYED)["success"] is True


def test_a_bare_action_that_waits_for_a_person_is_not_asked_about_twice(
    client: Strict, rule: AddRule
) -> None:
    rule("request_approval", notify_provider="warehouse", timeout_seconds=60)
    assert "PendingApproval" in dispatched(client, "held")
    assert client.post("/v1/audit/held/replay", shapes.REPLAYED)["new_action_id"] == ""


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_replays_at_the_same_time_one_takes_effect(transactional_db: None) -> None:
    load_shop()
    condition = {"field": "action.action_type", "eq": "ping"}
    Rule.objects.create(name="ping", priority=0, condition=condition, action={"type": "allow"})
    publish_rules()
    client = Strict(Shop().secret)
    assert "Failed" in dispatched(client, "f-1", provider="nobody")
    now_there()
    ask = partial(client.http.post, "/v1/audit/f-1/replay", headers=client.headers)
    told = [answer.json() for answer in at_once([ask] * 6)]
    assert sum(one["success"] for one in told) == 1
    assert Run.objects.filter(action_type="ping").count() == 1


@pytest.mark.parametrize("action_id", ["x/replay", "replay", "verify", "verify/replay"])
def test_an_action_named_like_a_path_is_found_and_replayed(
    client: Strict, allowed: None, action_id: str
) -> None:
    dispatched(client, action_id, provider="nobody")
    path = f"/v1/audit/{part(action_id)}"
    assert client.get(path, shapes.RECORD)["action_id"] == action_id
    now_there()
    assert client.post(f"{path}/replay", shapes.REPLAYED)["original_action_id"] == action_id
