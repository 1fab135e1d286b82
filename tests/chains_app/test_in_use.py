"""What something names is not deleted, and the refusal says what that is. And states that lifecycles lack."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from chains_app import selectors
from chains_app.models import ChainDefinition, ChainVersion, Provider, Run
from chains_app.services.definitions import chain_delete, chain_enable, chain_save
from chains_app.services.providers import provider_delete, provider_save
from rules_app.models import Quota, Rule
from rules_app.services.quotas import quota_create
from rules_app.services.rule_sets import rule_save
from tests.acteon_site.config_files.conftest import LIFECYCLE, PROVIDERS, Pipeline
from tests.chains_app.test_configuration import fields, refused, step
from tests.rules_app.conftest import add_rule
from tests.threads import at_once
from tests.world import NAMESPACE, TENANT, Shop, publish_rules, tag

pytestmark = pytest.mark.django_db
ALWAYS = {"field": "action.action_type", "eq": "special_order"}


def put_chain(shop: Shop, name: str, *steps: dict[str, Any], **keys: Any) -> Any:
    return shop.put(f"/v1/chains/definitions/{name}", {"steps": list(steps), **keys})


def delete_chain(shop: Shop, name: str) -> Any:
    return shop.client.delete(f"/v1/chains/definitions/{name}")


def rule(name: str, **action: Any) -> Rule:
    return add_rule(name=name, condition=ALWAYS, action=action)


def run_of(version: ChainVersion, **fields_: Any) -> Run:
    about = {"namespace": NAMESPACE, "tenant": TENANT, "provider": "x", "action_type": "y", "action_id": "z"}
    return Run.objects.create(
        **{
            **about,
            "kind": "chain",
            "chain_name": version.definition.name,
            "version": version,
            "origin": {},
            **fields_,
        }
    )


def version_of(name: str) -> ChainVersion:
    version = ChainDefinition.objects.get(name=name).current
    assert version is not None
    return version


def test_a_chain_that_a_rule_starts_is_not_deleted(shop: Shop) -> None:
    put_chain(shop, "returns", step("a", "warehouse"))
    rule("start-returns", type="chain", chain="returns")
    disabled = rule("later", type="chain", chain="returns")
    Rule.objects.filter(pk=disabled.pk).update(enabled=False)
    answer = delete_chain(shop, "returns")
    assert answer.status_code == 409
    assert "rule start-returns" in answer.json()["message"]
    assert "rule later (disabled)" in answer.json()["message"]
    Rule.objects.filter(name__in=["start-returns", "later"]).delete()
    assert delete_chain(shop, "returns").status_code == 204


def test_a_chain_that_other_chains_call_is_not_deleted(shop: Shop) -> None:
    put_chain(shop, "inner", step("a", "warehouse"))
    put_chain(shop, "outer", {"name": "both", "parallel": {"steps": [{"name": "x", "sub_chain": "inner"}]}})
    answer = delete_chain(shop, "inner")
    assert (answer.status_code, "chain outer" in answer.json()["message"]) == (409, True)


def test_a_chain_that_a_run_under_way_calls_by_its_older_version_is_not_deleted(shop: Shop) -> None:
    put_chain(shop, "inner", step("a", "warehouse"))
    put_chain(shop, "outer", {"name": "s", "sub_chain": "inner"})
    run = run_of(version_of("outer"))
    put_chain(shop, "outer", step("a", "warehouse"))
    answer = delete_chain(shop, "inner")
    assert (answer.status_code, "runs of chain outer under way" in answer.json()["message"]) == (409, True)
    Run.objects.filter(pk=run.pk).update(status="waiting_signal")  # parked is not ended
    assert delete_chain(shop, "inner").status_code == 409
    Run.objects.filter(pk=run.pk).update(status="failed", ended_at=timezone.now())
    assert delete_chain(shop, "inner").status_code == 204


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"type": "reroute", "target_provider": "spare"}, "rule names-it"),
        ({"type": "request_approval", "notify_provider": "spare"}, "rule names-it"),
    ],
)
def test_a_provider_that_a_rule_names_is_not_deleted(shop: Shop, action: dict[str, Any], named: str) -> None:
    provider_save(spec={"name": "spare", "type": "log"}, actor="owner")
    made = rule("names-it", **action)
    error = refused(lambda: provider_delete(name="spare"))
    assert (error.status, named in str(error)) == (409, True)
    made.delete()
    provider_delete(name="spare")


@pytest.mark.parametrize(
    "terms",
    [
        {"overage": "degrade", "overage_target": "spare"},
        {"overage": "notify", "overage_target": "spare"},
        {"provider": "spare"},
    ],
)
def test_a_provider_that_a_quota_names_is_not_deleted(shop: Shop, terms: dict[str, Any]) -> None:
    provider_save(spec={"name": "spare", "type": "log"}, actor="owner")
    quota = Quota.objects.create(namespace="shop", tenant="acme", max_actions=5, **terms)
    error = refused(lambda: provider_delete(name="spare"))
    assert (error.status, "quota shop/acme" in str(error)) == (409, True)
    quota.delete()
    provider_delete(name="spare")


@pytest.mark.parametrize(
    "keys",
    [
        {"steps": [step("a", "spare")]},
        {"steps": [step("a", "warehouse", compensate={"provider": "spare", "action_type": "undo"})]},
        {"steps": [{"name": "both", "parallel": {"steps": [step("a", "spare")]}}]},
        {"steps": [step("a", "warehouse")], "on_cancel": {"provider": "spare", "action_type": "told"}},
    ],
)
def test_a_provider_that_a_chain_names_is_not_deleted(shop: Shop, keys: dict[str, Any]) -> None:
    provider_save(spec={"name": "spare", "type": "log"}, actor="owner")
    version = chain_save(spec={"name": "c", **keys}, actor="owner")
    assert "chain c" in str(refused(lambda: provider_delete(name="spare")))
    run = run_of(version)
    chain_save(spec={"name": "c", "steps": [step("a", "warehouse")]}, actor="owner")
    assert "runs of chain c under way" in str(refused(lambda: provider_delete(name="spare")))
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now())
    provider_delete(name="spare")


def test_a_provider_of_single_calls_under_way_is_not_deleted(shop: Shop) -> None:
    """A rerouted call goes to another provider than its action names."""
    provider_save(spec={"name": "spare", "type": "log"}, actor="owner")
    call = {"name": "call", "provider": "spare", "action_type": "t"}
    spec = {"name": "call", "steps": [call]}
    about = {"namespace": "n", "tenant": "t", "provider": "warehouse", "action_type": "t", "action_id": "z"}
    run = Run.objects.create(kind="single", chain_name="call", spec=spec, origin={}, **about)
    assert "actions under way" in str(refused(lambda: provider_delete(name="spare")))
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now())
    provider_delete(name="spare")
    assert not Provider.objects.filter(name="spare").exists()


def test_a_load_that_drops_a_chain_which_a_run_under_way_calls_disables_it(tmp_path: Any) -> None:
    files = Pipeline(tmp_path / "shop")
    inner = "chains:\n  - name: inner\n    steps:\n      - {name: a, provider: till, action_type: t}\n"
    outer = "  - name: outer\n    steps:\n      - {name: s, sub_chain: inner}\n"
    files.load({"providers.yaml": PROVIDERS, "chains.yaml": inner + outer})
    run_of(version_of("outer"))
    changed = "chains:\n  - name: outer\n    steps:\n      - {name: a, provider: till, action_type: t}\n"
    files.load({"chains.yaml": changed})
    assert not ChainDefinition.objects.get(name="inner").enabled


def test_a_state_that_the_triggering_orders_never_have_is_refused(shop: Shop) -> None:
    trigger = {"action_type": "place_order", "namespace": NAMESPACE, "tenant": TENANT}
    moving = step("a", "warehouse", transition_to="confrmed")
    inside = {"name": "both", "parallel": {"steps": [step("b", "warehouse", transition_to="shiped")]}}
    answer = put_chain(shop, "mine", moving, inside, trigger=trigger)
    assert answer.status_code == 422
    told = {problem["field"]: problem["message"] for problem in answer.json()["details"]}
    assert told.keys() == {"steps[0].transition_to", "steps[1].parallel.steps[0].transition_to"}
    assert "lifecycle order-lifecycle" in told["steps[0].transition_to"]
    assert "confirmed" in told["steps[0].transition_to"]
    moving["transition_to"], inside["parallel"]["steps"][0]["transition_to"] = "confirmed", "shipped"  # type: ignore[index]
    assert put_chain(shop, "mine", moving, inside, trigger=trigger).status_code == 200


def test_a_state_of_orders_that_nobody_knows_is_accepted(shop: Shop) -> None:
    trigger = {"action_type": "special_order"}
    answer = put_chain(shop, "mine", step("a", "warehouse", transition_to="packed"), trigger=trigger)
    assert answer.status_code == 200


def test_a_chain_without_a_trigger_moves_orders_to_states_of_some_lifecycle(shop: Shop) -> None:
    answer = put_chain(shop, "mine", step("a", "warehouse", transition_to="shiped"))
    assert answer.status_code == 422
    (problem,) = answer.json()["details"]
    assert problem["field"] == "steps[0].transition_to"
    assert 'did you mean "shipped"?' in problem["message"]
    assert put_chain(shop, "mine", step("a", "warehouse", transition_to="shipped")).status_code == 200


def test_a_load_refuses_a_state_that_its_lifecycle_lacks(tmp_path: Any) -> None:
    files = Pipeline(tmp_path / "shop")
    moving = "{name: a, provider: till, action_type: t, transition_to: %s}"
    chain = "chains:\n  - name: c\n    trigger: {action_type: sell}\n    steps:\n      - " + moving + "\n"
    rest = {"providers.yaml": PROVIDERS, "lifecycles.yaml": LIFECYCLE}
    problems = files.refused({**rest, "chains.yaml": chain % "close"})
    assert len(problems) == 1
    assert "chains.yaml:5" in problems[0]
    assert 'no state of lifecycle sale; did you mean "closed"?' in problems[0]
    files.load({"chains.yaml": chain % "closed"})


def test_a_load_checks_the_states_of_chains_without_a_trigger_too(tmp_path: Any) -> None:
    files = Pipeline(tmp_path / "shop")
    moving = "{name: a, provider: till, action_type: t, transition_to: close}"
    chain = f"chains:\n  - name: c\n    steps:\n      - {moving}\n"
    files.load({"providers.yaml": PROVIDERS, "chains.yaml": chain})  # there is no lifecycle to ask
    problems = files.refused({"lifecycles.yaml": LIFECYCLE})
    assert 'no state of lifecycle sale; did you mean "closed"?' in problems[0]


def test_a_disabled_chain_is_started_by_no_action_and_by_no_rule(shop: Shop) -> None:
    put_chain(shop, "returns", step("a", "warehouse"), trigger={"action_type": "special_order"})
    chain_enable(name="returns", enabled=False, actor="owner")
    publish_rules()
    assert "chain_id" not in str(shop.place(action_type="special_order"))
    add_rule(name="start", priority=0, condition=ALWAYS, action={"type": "chain", "chain": "returns"})
    publish_rules()
    outcome = shop.place(action_type="special_order")
    assert tag(outcome) == "Failed"
    assert outcome["Failed"]["code"] == "CONFIGURATION"
    assert "is disabled: 'returns'" in outcome["Failed"]["message"]
    assert not Run.objects.filter(chain_name="returns").exists()
    chain_enable(name="returns", enabled=True, actor="owner")
    config_versions.reset()
    assert tag(shop.place(action_type="special_order")) == "ChainStarted"


def test_fields_of_a_refusal_are_those_of_the_chains_own_specification(shop: Shop) -> None:
    trigger = {"action_type": "place_order", "namespace": NAMESPACE, "tenant": "other"}
    spec = {"name": "c", "steps": [step("a", "warehouse", transition_to="gone")], "trigger": trigger}
    assert fields(refused(lambda: chain_save(spec=spec, actor="owner"))) == ["steps[0].transition_to"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_a_deletion_and_a_rule_that_begins_to_name_the_chain_one_is_refused() -> None:
    provider_save(spec={"name": "p", "type": "log"}, actor="owner")
    chain_save(spec={"name": "returns", "steps": [step("a", "p")]}, actor="owner")
    selectors.definitions()
    spec = {"name": "start", "condition": ALWAYS, "action": {"type": "chain", "chain": "returns"}}
    saving = partial(rule_save, rule=Rule(**spec), actor="owner")
    assert_one_is_refused(saving, partial(chain_delete, name="returns"))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_a_deletion_and_a_quota_that_begins_to_name_the_provider_one_is_refused() -> None:
    provider_save(spec={"name": "spare", "type": "log"}, actor="owner")
    spec = {"namespace": "shop", "tenant": "acme", "max_actions": 5, "window": "daily", "provider": "spare"}
    saving = partial(quota_create, spec=spec, actor="owner")
    assert_one_is_refused(saving, partial(provider_delete, name="spare"))


def assert_one_is_refused(saving: Callable[[], object], deleting: Callable[[], object]) -> None:
    def status(work: Callable[[], object]) -> int:
        try:
            work()
        except AppError as error:
            return error.status
        return 200

    outcomes = at_once([partial(status, saving), partial(status, deleting)])
    assert outcomes in ([200, 409], [422, 200])
