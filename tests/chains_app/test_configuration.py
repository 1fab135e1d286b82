"""Providers, breakers and chains as people and loads change them: checked as a whole, or not changed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from chains_app import selectors
from chains_app.models import ChainDefinition, ChainVersion, CircuitBreaker, Provider, Run
from chains_app.services.definitions import (
    chain_delete,
    chain_enable,
    chain_problems,
    chain_save,
    chains_save,
)
from chains_app.services.providers import (
    breaker_delete,
    breaker_save,
    provider_delete,
    provider_save,
)
from chains_app.specs import parse_breaker, parse_provider, provider_spec
from tests.chains_app.shop import FRAUD_REVIEW, open_shop, order_processing

STRIPE = {
    "name": "payment-gateway",
    "type": "webhook",
    "url": "https://api.stripe.com/v1/charges",
    "headers": {
        "Authorization": "Bearer sk_live_xxx",
        "Content-Type": "application/x-www-form-urlencoded",
    },
}


def refused(work: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        work()
    return caught.value


def fields(error: AppError) -> list[str]:
    return [problem.field for problem in error.details]


def raw_secrets(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM chains_app_provider WHERE name = %s", [name])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_the_guides_stripe_provider_keeps_its_headers_encrypted() -> None:
    row = provider_save(spec=STRIPE, actor="owner")
    assert row.config == {"url": "https://api.stripe.com/v1/charges"}
    assert row.secrets == {"headers": STRIPE["headers"]}
    assert "sk_live" not in raw_secrets("payment-gateway")
    assert "Authorization" not in raw_secrets("payment-gateway")
    settings = selectors.providers()["payment-gateway"]
    assert settings.secrets["headers"]["Authorization"] == "Bearer sk_live_xxx"
    assert provider_spec(row) == STRIPE


@pytest.mark.django_db
def test_a_provider_is_changed_in_place_and_may_keep_its_secrets() -> None:
    provider_save(spec=STRIPE, actor="owner")
    moved = {
        "name": "payment-gateway",
        "type": "webhook",
        "url": "https://example.com/x",
        "timeout_seconds": 3,
    }
    row = provider_save(spec=moved, actor="owner", keep_secrets=True)
    assert row.secrets == {"headers": STRIPE["headers"]}
    assert (row.config, row.timeout_seconds) == ({"url": "https://example.com/x"}, 3)
    assert provider_save(spec=moved, actor="owner").secrets == {}
    assert Provider.objects.count() == 1


@pytest.mark.django_db
def test_secrets_of_one_kind_are_not_kept_for_another() -> None:
    provider_save(spec=STRIPE, actor="owner")
    row = provider_save(spec={"name": "payment-gateway", "type": "log"}, actor="owner", keep_secrets=True)
    assert (row.config, row.secrets) == ({}, {})


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ([], "definition"),
        ({"type": "log"}, "name"),
        ({"name": "a:b", "type": "log"}, "name"),
        ({"name": "a"}, "type"),
        ({"name": "a", "type": "pigeon", "loft": 3}, "type"),
        ({"name": "a", "type": ["log"]}, "type"),
        ({"name": "a", "type": "log", "url": "x"}, "url"),
        ({"name": "a", "type": "webhook"}, "url"),
        ({"name": "a", "type": "log", "timeout_seconds": 0}, "timeout_seconds"),
        ({"name": "a", "type": "log", "timeout_seconds": 301}, "timeout_seconds"),
        ({"name": "a", "type": "log", "enabled": "yes"}, "enabled"),
        ({"name": "a", "type": "log", "idempotency_window_seconds": -1}, "idempotency_window_seconds"),
        ({"name": "a", "type": "log", "max_concurrent": 0}, "max_concurrent"),
        ({"name": "a", "type": "log", "max_concurrent": 1001}, "max_concurrent"),
        ({"name": "a", "type": "log", "max_concurrent": "50"}, "max_concurrent"),
    ],
)
def test_a_wrong_provider_is_named_by_its_field(spec: Any, field: str) -> None:
    parsed, problems = parse_provider(spec)
    assert parsed is None
    assert field in [problem.field for problem in problems]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "provider"),
        ({"provider": "a", "failure_threshold": 0}, "failure_threshold"),
        ({"provider": "a", "recovery_timeout_seconds": "60"}, "recovery_timeout_seconds"),
        ({"provider": "a", "fallback_provider": "a"}, "fallback_provider"),
        ({"provider": "a", "failure_treshold": 2}, "failure_treshold"),
    ],
)
def test_a_wrong_breaker_is_named_by_its_field(spec: Any, field: str) -> None:
    assert field in [problem.field for problem in parse_breaker(spec)[1]]


@pytest.mark.django_db
def test_a_wrong_provider_changes_nothing() -> None:
    provider_save(spec=STRIPE, actor="owner")
    error = refused(lambda: provider_save(spec={**STRIPE, "url": "ftp://x"}, actor="owner"))
    assert (error.status, fields(error)) == (422, ["url"])
    assert Provider.objects.get().config["url"] == STRIPE["url"]


@pytest.mark.django_db
def test_a_breakers_settings_change_and_its_state_stays() -> None:
    open_shop()
    spec = {"provider": "payment-gateway", "fallback_provider": "compliance-queue", "failure_threshold": 2}
    breaker_save(spec=spec, actor="owner")
    CircuitBreaker.objects.update(state="open", failures=7)
    row = breaker_save(spec={**spec, "failure_threshold": 5}, actor="owner")
    row.refresh_from_db()
    assert (row.failure_threshold, row.state, row.failures) == (5, "open", 7)


@pytest.mark.django_db
def test_fallbacks_must_exist_and_not_go_round() -> None:
    open_shop()
    missing = {"provider": "payment-gateway", "fallback_provider": "compliance-que"}
    error = refused(lambda: breaker_save(spec=missing, actor="owner"))
    assert fields(error) == ["fallback_provider"]
    assert "compliance-queue" in error.details[0].message
    breaker_save(spec={"provider": "warehouse", "fallback_provider": "payment-gateway"}, actor="owner")
    breaker_save(spec={"provider": "compliance-queue", "fallback_provider": "warehouse"}, actor="owner")
    circle = {"provider": "payment-gateway", "fallback_provider": "compliance-queue"}
    assert "circle" in str(refused(lambda: breaker_save(spec=circle, actor="owner")))
    assert not CircuitBreaker.objects.filter(provider="payment-gateway").exists()


@pytest.mark.django_db
def test_a_provider_in_use_is_not_deleted() -> None:
    open_shop()
    breaker_save(spec={"provider": "payment-gateway", "fallback_provider": "compliance-queue"}, actor="owner")
    error = refused(lambda: provider_delete(name="compliance-queue"))
    assert error.status == 409
    assert "the breaker of payment-gateway" in str(error)
    assert "chain order-processing" in str(refused(lambda: provider_delete(name="warehouse")))
    assert refused(lambda: provider_delete(name="nobody")).status == 404
    breaker_delete(provider="payment-gateway")
    breaker_save(spec={"provider": "compliance-queue"}, actor="owner")
    provider_delete(name="compliance-queue")
    assert not CircuitBreaker.objects.filter(provider="compliance-queue").exists()
    assert "compliance-queue" not in selectors.providers()


@pytest.mark.django_db
def test_a_provider_of_runs_under_way_is_not_deleted() -> None:
    open_shop()
    provider_save(spec={"name": "old-gateway", "type": "log"}, actor="owner")
    before = chain_save(spec={"name": "c", "steps": [step("a", "old-gateway")]}, actor="owner")
    chain_save(spec={"name": "c", "steps": [step("a", "warehouse")]}, actor="owner")
    run = Run.objects.create(
        kind="chain", chain_name="c", version=before, namespace="n", tenant="t", provider="x",
        action_type="y", action_id="z", origin={},
    )  # fmt: skip
    error = refused(lambda: provider_delete(name="old-gateway"))
    assert "runs of chain c under way" in str(error)
    Run.objects.filter(pk=run.pk).update(ended_at=run.started_at)
    provider_delete(name="old-gateway")


def step(name: str, provider: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "provider": provider, "action_type": "t", **keys}


@pytest.mark.django_db
def test_a_changed_chain_makes_a_new_version_and_an_equal_one_none() -> None:
    open_shop()
    first = ChainVersion.objects.get(definition__name="order-processing")
    assert chain_save(spec=order_processing(), actor="other").pk == first.pk
    explicit = order_processing(on_failure="abort")
    assert chain_save(spec=explicit, actor="other").pk == first.pk
    second = chain_save(spec=order_processing(timeout_seconds=60), actor="other")
    assert (second.number, second.actor) == (2, "other")
    current = selectors.definitions().get("order-processing")
    assert current is not None
    assert (current.number, current.definition.timeout_seconds) == (2, 60)
    assert selectors.version_definition(first.pk).timeout_seconds == 120


@pytest.mark.django_db
def test_a_chain_is_refused_with_every_problem_and_nothing_changes() -> None:
    open_shop()
    spec = order_processing()
    spec["steps"][0]["provider"] = "payment-gatway"
    spec["steps"][1]["sub_chain"] = "fraud-revue"
    error = refused(lambda: chain_save(spec=spec, actor="owner"))
    assert (error.status, fields(error)) == (422, ["steps[0].provider", "steps[1].sub_chain"])
    assert [problem.field for problem in chain_problems(spec=spec)] == fields(error)
    assert ChainVersion.objects.filter(definition__name="order-processing").count() == 1


@pytest.mark.django_db
def test_chains_saved_together_may_name_each_other_but_not_in_a_circle() -> None:
    open_shop()
    review = {**FRAUD_REVIEW, "steps": [{"name": "back", "sub_chain": "order-processing"}]}
    error = refused(lambda: chain_save(spec=review, actor="owner"))
    assert "circle" in str(error)
    one, two = ({"name": n, "steps": [{"name": "s", "sub_chain": m}]} for n, m in (("x", "y"), ("y", "x")))
    assert "circle" in str(refused(lambda: chains_save(specs=[one, two], actor="owner")))
    assert ChainDefinition.objects.count() == 2


@pytest.mark.django_db
def test_the_most_specific_trigger_claims_an_action() -> None:
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    for name, scope in (
        ("all", {}),
        ("tenant", {"tenant": "acme"}),
        ("namespace", {"namespace": "shop"}),
        ("both", {"namespace": "shop", "tenant": "acme"}),
    ):
        spec = {"name": name, "steps": [step("a", "p")], "trigger": {"action_type": "place_order", **scope}}
        chain_save(spec=spec, actor="owner")
    index = selectors.definitions()

    def claimed(namespace: str, tenant: str, action_type: str = "place_order") -> str | None:
        chain = index.chain_for(namespace, tenant, action_type)
        return chain.definition.name if chain else None

    assert claimed("shop", "acme") == "both"
    assert claimed("shop", "other") == "namespace"
    assert claimed("else", "acme") == "tenant"
    assert claimed("else", "other") == "all"
    assert claimed("shop", "acme", "refund") is None
    assert claimed("*", "*") == "all"


@pytest.mark.django_db
def test_two_chains_cannot_claim_the_same_actions() -> None:
    open_shop()
    twin = {"name": "twin", "steps": [step("a", "warehouse")], "trigger": {"action_type": "place_order"}}
    error = refused(lambda: chain_save(spec=twin, actor="owner"))
    assert fields(error) == ["trigger"]
    chain_enable(name="order-processing", enabled=False, actor="owner")
    chain_save(spec=twin, actor="owner")
    chain = selectors.definitions().chain_for("n", "t", "place_order")
    assert chain is not None
    assert chain.definition.name == "twin"
    assert refused(lambda: chain_enable(name="order-processing", enabled=True, actor="owner")).status == 422


@pytest.mark.django_db
def test_a_chain_in_use_is_not_deleted() -> None:
    open_shop()
    assert "chain order-processing" in str(refused(lambda: chain_delete(name="fraud-review")))
    version = ChainVersion.objects.get(definition__name="order-processing")
    run = Run.objects.create(
        kind="chain", chain_name="order-processing", version=version, namespace="n", tenant="t",
        provider="x", action_type="y", action_id="z", origin={},
    )  # fmt: skip
    assert refused(lambda: chain_delete(name="order-processing")).status == 409
    run.delete()
    chain_delete(name="order-processing")
    chain_delete(name="fraud-review")
    assert ChainVersion.objects.count() == 0
    assert selectors.definitions().get("order-processing") is None


@pytest.mark.django_db
def test_who_edits_what_was_loaded_is_named_and_it_stays_the_files() -> None:
    provider_save(spec=STRIPE, actor="loader")
    Provider.objects.update(
        source="shop/providers.yaml", loaded_digest="f" * 64, edited_by="", edited_at=None
    )
    row = provider_save(spec={**STRIPE, "timeout_seconds": 4}, actor="maria")
    assert (row.source, row.edited_by, row.loaded_digest) == ("shop/providers.yaml", "maria", "f" * 64)
    assert row.edited_at is not None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_edits_at_once_cannot_close_a_circle_of_chains() -> None:
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    for name in ("x", "y"):
        chain_save(spec={"name": name, "steps": [step("a", "p")]}, actor="owner")
    start, outcomes = threading.Barrier(2), []

    def link(name: str, other: str) -> None:
        try:
            start.wait(10)
            chain_save(spec={"name": name, "steps": [{"name": "s", "sub_chain": other}]}, actor="owner")
            outcomes.append("saved")
        except AppError as error:
            outcomes.append("circle" if "circle" in str(error) else str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=link, args=pair) for pair in (("x", "y"), ("y", "x"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["circle", "saved"]


@pytest.mark.django_db
def test_a_stored_chain_that_this_release_cannot_read_stops_decisions_loudly() -> None:
    open_shop()
    ChainVersion.objects.filter(definition__name="fraud-review").update(spec={"name": "fraud-review"})
    config_versions.reset()
    error = refused(selectors.definitions)
    assert (error.status, error.retryable) == (503, True)
