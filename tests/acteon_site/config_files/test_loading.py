"""A load is atomic and idempotent, and owns only what came from its own source."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection

from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.load import load_paths
from acteon_site.config_files.problems import LoadRefused
from acteon_site.models import ConfigStamp
from audit_app.models import RedactedField
from chains_app.models import ChainDefinition, ChainVersion, CircuitBreaker, Provider, Run
from chains_app.states import BreakerState, RunKind
from orders_app.models import Action, Lifecycle, Order
from rules_app.models import Quota, Rule, RuleSettings, RuleSetVersion
from rules_app.services.rule_sets import rule_enable, rule_save, rule_settings_save
from tests.acteon_site.config_files.conftest import CHAIN, LIFECYCLE, PROVIDERS, RULES, SMALL, Pipeline, done

pytestmark = pytest.mark.django_db
EDITED = datetime(2026, 3, 10, 15, 4, tzinfo=UTC)
BY_MARIA = "edited by maria at 2026-03-10 15:04 UTC since it was loaded"
QUOTA = "quotas:\n  - {namespace: shop, tenant: one, max_actions: 5, window: hourly}\n"


def edit_rule(**changes: object) -> None:
    """As the admin does."""
    rule = Rule.objects.get(name="refuse-small")
    for name, value in changes.items():
        setattr(rule, name, value)
    rule_save(rule=rule, actor="maria")
    Rule.objects.update(edited_at=EDITED)


def test_a_second_load_changes_nothing(shop: Pipeline) -> None:
    first = shop.load(SMALL)
    rows = list(Rule.objects.values()) + list(ChainDefinition.objects.values())
    again = shop.load()
    assert len(done(first)) == 5
    assert done(again) == {}
    assert again.rule_set == first.rule_set
    assert (RuleSetVersion.objects.count(), ChainVersion.objects.count()) == (1, 1)
    assert list(Rule.objects.values()) + list(ChainDefinition.objects.values()) == rows


def test_changes_are_told_field_by_field_and_published(shop: Pipeline) -> None:
    first = shop.load(SMALL)
    report = shop.load(
        {"rules.yaml": RULES.replace("priority: 5", "priority: 7").replace("lt: 100", "lt: 50")}
    )
    change = next(change for change in report.changes if change.fields)
    assert [str(field) for field in change.fields] == ["priority 5 → 7", "condition"]
    assert report.rule_set == (first.rule_set or 0) + 1
    assert RuleSetVersion.objects.order_by("-number")[0].content["rules"][0]["condition"]["lt"] == 50


def test_each_area_that_changed_is_told_to_every_process(shop: Pipeline) -> None:
    shop.load(SMALL)
    before = dict(ConfigStamp.objects.values_list("area", "version"))
    shop.load({"lifecycles.yaml": LIFECYCLE.replace("open", "fresh")})
    after = dict(ConfigStamp.objects.values_list("area", "version"))
    assert after["lifecycles"] > before["lifecycles"]
    assert after["rules"] == before["rules"]


def test_a_changed_chain_gets_a_new_version_and_keeps_the_old_one(shop: Pipeline) -> None:
    shop.load(SMALL)
    shop.load({"chains.yaml": CHAIN.replace("action_type: charge", "action_type: charge_card")})
    chain = ChainDefinition.objects.get()
    assert chain.current is not None
    assert chain.current.number == 2
    assert [version.spec["steps"][0]["action_type"] for version in chain.versions.order_by("number")] == [
        "charge",
        "charge_card",
    ]


def test_what_left_the_files_is_removed(shop: Pipeline) -> None:
    shop.load(SMALL)
    (shop.directory / "rules.yaml").unlink()
    assert done(shop.load({"providers.yaml": PROVIDERS.replace("depot", "store")})) == {
        "providers/depot": "removed",
        "providers/store": "added",
        "rules/refuse-small": "removed",
    }
    assert not Rule.objects.exists()


def test_a_single_file_adds_and_changes_but_removes_nothing(shop: Pipeline) -> None:
    shop.load(SMALL)
    shop.write({"more.yaml": RULES.replace("refuse-small", "refuse-tiny")})
    report = load_paths([shop.directory / "more.yaml"], actor="tester")
    assert report.source == "shop"
    assert done(report) == {"rules/refuse-tiny": "added"}
    assert Rule.objects.count() == 2


def test_a_dry_run_tells_all_and_changes_nothing(shop: Pipeline) -> None:
    report = shop.load(SMALL, dry_run=True)
    assert len(done(report)) == 5
    assert not Rule.objects.exists()
    assert not RuleSetVersion.objects.exists()


def test_an_empty_directory_is_refused_and_removes_nothing(shop: Pipeline) -> None:
    shop.load(SMALL)
    for path in shop.directory.iterdir():
        path.unlink()
    assert shop.refused() == ["shop: holds no configuration to load"]
    assert Rule.objects.exists()


class TestWhatPeopleMade:
    def test_stays_when_the_files_do_not_name_it(self, shop: Pipeline) -> None:
        Provider.objects.create(name="by-hand", kind="log")
        shop.load(SMALL)
        assert Provider.objects.get(name="by-hand").source == ""

    def test_is_never_overwritten_not_even_by_force(self, shop: Pipeline) -> None:
        Provider.objects.create(name="till", kind="log", description="mine", edited_by="maria")
        problems = shop.refused(SMALL, force=True)
        assert problems == [
            'providers.yaml:2: provider "till": was made by maria; differs in description "mine" → '
            "(default); rename one of them, or remove the other first"
        ]
        assert not Rule.objects.exists()

    def test_is_no_clash_where_it_says_the_same(self, shop: Pipeline) -> None:
        Provider.objects.create(name="till", kind="log")
        assert "providers/till" not in done(shop.load(SMALL))
        assert Provider.objects.get(name="till").source == ""

    def test_belongs_to_another_source_is_told_by_its_name(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        shop.write({"rules.yaml": RULES.replace("priority: 5", "priority: 6")})
        with pytest.raises(LoadRefused, match="belongs to the source 'shop'"):
            load_paths([shop.directory / "rules.yaml"], actor="tester", source="other")


class TestARuleSwitchedByAPerson:
    def test_stays_switched_and_is_no_conflict(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        rule_enable(name="refuse-small", enabled=False, actor="maria")
        report = shop.load({"rules.yaml": RULES.replace("priority: 5", "priority: 6")})
        change = next(change for change in report.changes if change.section == "rules")
        assert (change.what.value, change.note) == ("changed", "enabled stays as a person set it")
        assert Rule.objects.values_list("priority", "enabled").get() == (6, False)

    def test_stays_switched_although_the_file_says_otherwise(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        rule_enable(name="refuse-small", enabled=True, actor="maria")
        shop.load({"rules.yaml": RULES.replace("priority: 5", "priority: 5\n    enabled: false")})
        assert Rule.objects.get().enabled

    def test_otherwise_follows_the_file(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        shop.load({"rules.yaml": RULES.replace("priority: 5", "priority: 5\n    enabled: false")})
        assert not Rule.objects.get().enabled


class TestALoadedRowEditedSince:
    def test_is_a_conflict_that_names_row_editor_and_time(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        edit_rule(priority=50)
        with pytest.raises(LoadRefused) as caught:
            shop.load({"rules.yaml": RULES.replace("priority: 5", "priority: 6")})
        assert caught.value.status == 409
        assert str(caught.value.problems[0]).endswith(
            f'rules.yaml:2: rule "refuse-small": {BY_MARIA}; '
            "differs in priority 50 → 6; --force overwrites the edit"
        )
        assert Rule.objects.get().priority == 50

    def test_is_overwritten_by_force_and_counts_as_loaded_again(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        edit_rule(priority=50)
        report = shop.load(force=True)
        note = next(change.note for change in report.changes if change.section == "rules")
        assert note == f"overwrites what was {BY_MARIA}"
        row = Rule.objects.get()
        assert (row.priority, row.edited_by, row.edited_at) == (5, "", None)
        assert done(shop.load()) == {}

    def test_is_no_conflict_once_the_file_says_the_same(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        edit_rule(priority=50)
        assert done(shop.load({"rules.yaml": RULES.replace("priority: 5", "priority: 50")})) == {}
        assert done(shop.load({"rules.yaml": RULES})) == {"rules/refuse-small": "changed"}

    def test_is_not_removed_without_force(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        edit_rule(priority=50)
        (shop.directory / "rules.yaml").unlink()
        assert shop.refused() == [
            f'shop: rule "refuse-small": not in the files any more, but {BY_MARIA}; '
            "--force overwrites the edit"
        ]
        assert done(shop.load(force=True)) == {"rules/refuse-small": "removed"}


class TestWhatIsInUse:
    def test_a_chain_with_runs_is_disabled_and_comes_back(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        chain = ChainDefinition.objects.get()
        a_run(chain, ended=True)
        (shop.directory / "chains.yaml").unlink()
        report = shop.load()
        assert done(report) == {"chains/selling": "disabled"}
        assert "runs of it are kept" in next(c.note for c in report.changes if c.section == "chains")
        assert not ChainDefinition.objects.get().enabled
        assert done(shop.load()) == {}
        assert done(shop.load({"chains.yaml": CHAIN})) == {"chains/selling": "changed"}
        assert ChainDefinition.objects.get().enabled

    def test_a_lifecycle_with_orders_is_disabled(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        an_order(Lifecycle.objects.get())
        (shop.directory / "lifecycles.yaml").unlink()
        assert done(shop.load()) == {"lifecycles/sale": "disabled"}

    def test_a_provider_that_runs_still_call_stays_and_refuses_the_load(self, shop: Pipeline) -> None:
        shop.load(SMALL)
        a_run(ChainDefinition.objects.get(), ended=False)
        (shop.directory / "chains.yaml").unlink()
        problems = shop.refused({"providers.yaml": PROVIDERS.replace("till", "desk")})
        assert problems == [
            'shop: provider "till": still in use: runs of chain selling under way call it; '
            "keep it in the files until it is not"
        ]
        assert ChainDefinition.objects.get().enabled

    def test_a_quota_with_use_in_its_window_is_disabled(
        self, shop: Pipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.load({**SMALL, "quotas.yaml": QUOTA})
        used = lambda row: type("Usage", (), {"used": 3})()  # noqa: E731
        monkeypatch.setattr("rules_app.config_kinds.quotas.quota_usage", used)
        (shop.directory / "quotas.yaml").unlink()
        assert done(shop.load()) == {"quotas/shop/one//": "disabled"}
        assert not Quota.objects.get().enabled

    def test_an_unused_quota_is_removed(self, shop: Pipeline) -> None:
        shop.load({**SMALL, "quotas.yaml": QUOTA})
        (shop.directory / "quotas.yaml").unlink()
        assert done(shop.load()) == {"quotas/shop/one//": "removed"}


def test_a_breakers_live_state_survives_a_load(shop: Pipeline) -> None:
    breaker = "circuit_breakers:\n  - {provider: till, failure_threshold: 2}\n"
    shop.load({**SMALL, "breakers.yaml": breaker})
    CircuitBreaker.objects.update(state=BreakerState.OPEN, failures=2, opened_at=EDITED)
    assert done(shop.load()) == {}
    shop.load({"breakers.yaml": breaker.replace("2}", "4}")})
    row = CircuitBreaker.objects.get()
    assert (row.failure_threshold, row.state, row.failures, row.opened_at) == (4, "open", 2, EDITED)


def test_a_renamed_chain_takes_over_its_trigger(shop: Pipeline) -> None:
    shop.load(SMALL)
    assert done(shop.load({"chains.yaml": CHAIN.replace("selling", "vending")})) == {
        "chains/selling": "removed",
        "chains/vending": "added",
    }


def test_settings_belong_to_whoever_set_them(shop: Pipeline) -> None:
    settings = {"settings.yaml": "settings: {default_timezone: US/Eastern}\n"}
    shop.load(SMALL)
    assert done(shop.load(settings)) == {"settings/": "added"}
    (shop.directory / "settings.yaml").unlink()
    assert done(shop.load()) == {"settings/": "removed"}
    rule_settings_save(default_timezone="Europe/London", actor="maria")
    assert "was made by maria" in shop.refused(settings)[0]


def test_redaction_is_one_row_for_each_field(shop: Pipeline) -> None:
    shop.load({**SMALL, "redaction.yaml": "redaction: {fields: [iban, card.number], placeholder: '***'}\n"})
    assert list(RedactedField.objects.values_list("path", "placeholder")) == [
        ("card.number", "***"),
        ("iban", "***"),
    ]


def test_numbers_that_a_database_spells_otherwise_are_no_edit(shop: Pipeline) -> None:
    rules = RULES.replace("lt: 100", "lt: 1.0e+20")
    provider = "providers:\n  - {name: till, type: log, timeout_seconds: 20}\n  - {name: depot, type: log}\n"
    shop.load({**SMALL, "rules.yaml": rules, "providers.yaml": provider})
    assert done(shop.load()) == {}


def test_true_and_one_are_different_contents(shop: Pipeline) -> None:
    shop.load({**SMALL, "rules.yaml": RULES.replace("lt: 100", "eq: 1")})
    assert done(shop.load({"rules.yaml": RULES.replace("lt: 100", "eq: true")})) == {
        "rules/refuse-small": "changed"
    }


def test_rows_that_no_release_can_read_do_not_stop_a_load(shop: Pipeline) -> None:
    Rule.objects.create(name="odd", enabled=False, condition=[], action=[])
    Rule.objects.create(name="odder", enabled=False, condition={}, action={"type": "reroute"})
    chain = ChainDefinition.objects.create(name="odd")
    chain.current = ChainVersion.objects.create(definition=chain, number=1, spec={"steps": "none"})
    chain.save()
    Quota.objects.create(namespace="n", tenant="t", max_actions=1, window="custom", overage="degrade")
    Provider.objects.create(name="odd", kind="carrier-pigeon", config={"x": 1})
    assert len(done(shop.load(SMALL))) == 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_come_out_as_one(shop: Pipeline) -> None:
    shop.write(SMALL)
    failures: list[BaseException] = []

    def load() -> None:
        try:
            load_paths([shop.directory], actor="tester")
        except BaseException as error:  # a thread's failure is the test's
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (Rule.objects.count(), RuleSetVersion.objects.count(), ChainVersion.objects.count()) == (1, 1, 1)


def a_run(chain: ChainDefinition, *, ended: bool) -> Run:
    return Run.objects.create(
        kind=RunKind.CHAIN,
        chain_name=chain.name,
        version=chain.current,
        namespace="shop",
        tenant="one",
        provider="till",
        action_type="sell",
        action_id="1",
        origin={},
        ended_at=EDITED if ended else None,
    )


def an_order(lifecycle: Lifecycle) -> Order:
    action = Action.objects.create(namespace="shop", tenant="one", action_type="sell", action_id="1", body={})
    return Order.objects.create(
        namespace="shop",
        tenant="one",
        action_type="sell",
        fingerprint="1",
        action=action,
        action_id_text="1",
        lifecycle=lifecycle,
        state="open",
        status="completed",
    )


def test_where_a_second_person_must_publish_stands_in_files(shop: Pipeline) -> None:
    shop.load(SMALL)
    asked = {"settings.yaml": "settings: {second_person: [travel, ecommerce, travel]}\n"}
    assert done(shop.load(asked)) == {"settings/": "added"}
    assert RuleSettings.objects.get().second_person == ["ecommerce", "travel"]
    assert KINDS["settings"].exported(RuleSettings.objects.get()) == {
        "second_person": ["ecommerce", "travel"]
    }
    assert done(shop.load(asked)) == {}
    rule_settings_save(default_timezone="", second_person=["travel"], actor="maria")
    assert "maria" in shop.refused(asked)[0]
    (wrong,) = shop.refused({"settings.yaml": "settings: {second_person: ['a:b']}\n"})
    assert "second_person: a:b: " in wrong
