"""What a load says of chains, lifecycles and rules to which nothing leads. It loads them all the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from acteon_site.config_files.load import LoadReport, load_paths
from rules_app.checking import Finding, Question, check_rules
from tests.acteon_site.config_files.conftest import (
    CHAIN,
    ECOMMERCE,
    LIFECYCLE,
    PROVIDERS,
    RULES,
    SMALL,
    Pipeline,
)

pytestmark = pytest.mark.django_db
STEP = "\n    steps:\n      - {name: a, provider: till, action_type: t}\n"
LONE = f"chains:\n  - name: order-processing{STEP}"
SELLS = "{field: action.action_type, eq: sell}"


def rule(name: str, condition: str, action: str, *more: str) -> str:
    lines = (
        f"- name: {name}",
        f"  condition: {condition}",
        f"  action: {action}",
        *(f"  {one}" for one in more),
    )
    return "".join(f"  {line}\n" for line in lines)


def rules(*texts: str) -> str:
    return "rules:\n" + "".join(texts)


def told(report: LoadReport) -> list[str]:
    return [f"{warning.kind} {warning.name}: {warning.message}" for warning in report.warnings]


def test_a_chain_that_nothing_starts_is_named_with_its_place(shop: Pipeline) -> None:
    report = shop.load({"providers.yaml": PROVIDERS, "chains.yaml": LONE})
    (warning,) = report.warnings
    assert str(warning).removeprefix(f"{shop.directory}/") == (
        'chains.yaml:2: chain "order-processing": is started by nothing: '
        "it has no trigger, no rule in force starts it, and no chain that starts calls it"
    )
    assert shop.load(dry_run=True).warnings == report.warnings


@pytest.mark.parametrize(
    "files",
    [
        {"rules.yaml": rules(rule("go", SELLS, "{type: chain, chain: order-processing}"))},
        {
            "more.yaml": "chains:\n  - name: outer\n    trigger: {action_type: sell}\n    steps:\n      - "
            "{name: s, sub_chain: order-processing}\n"
        },
        {"chains.yaml": LONE.replace(STEP, "\n    enabled: false" + STEP)},
    ],
)
def test_a_chain_that_something_starts_or_a_person_has_switched_off_is_none(
    shop: Pipeline, files: dict[str, str]
) -> None:
    assert shop.load({"providers.yaml": PROVIDERS, "chains.yaml": LONE, **files}).warnings == ()


def test_chains_that_only_call_each_other_or_wait_for_a_disabled_rule_are_started_by_nothing(
    shop: Pipeline,
) -> None:
    inner = (
        f"chains:\n  - name: inner{STEP}  - name: outer\n    steps:\n      - {{name: s, sub_chain: inner}}\n"
    )
    off = rules(rule("go", SELLS, "{type: chain, chain: outer}", "enabled: false"))
    report = shop.load({"providers.yaml": PROVIDERS, "chains.yaml": inner, "rules.yaml": off})
    assert [warning.name for warning in report.warnings] == ["inner", "outer"]


@pytest.mark.parametrize(
    "stop",
    [
        rules(rule("never", SELLS, "{type: deny}")),
        rules(rule("never", "{field: action.action_type, in_list: [sell, buy]}", "{type: suppress}")),
        rules(
            rule("twice", SELLS, "{type: deduplicate, ttl_seconds: 60}", "priority: 1"),
            rule("never", SELLS, "{type: deny}", "priority: 2"),
        ),
        rules(
            rule("never", "{field: action.action_type, eq: buy}", "{type: allow}", "priority: 1"),
            rule("no-more", SELLS, "{type: deny}", "priority: 2"),
        ),
    ],
)
def test_what_a_rule_always_stops_is_started_by_nothing(shop: Pipeline, stop: str) -> None:
    report = shop.load({**SMALL, "rules.yaml": stop})
    assert [line.partition(": rule")[0] for line in told(report) if not line.startswith("rule ")] == [
        "lifecycle sale: is started by nothing",
        "chain selling: is started by nothing",
    ]


SHOP_RULE = rule("rest", "{field: action.namespace, eq: shop}", "{type: suppress}", "priority: 110")
IN_SHOP = {
    "providers.yaml": PROVIDERS,
    "chains.yaml": CHAIN.replace("{action_type: sell}", "{action_type: sell, namespace: shop}"),
    "lifecycles.yaml": LIFECYCLE.replace("action_type: sell", "action_type: sell\n    namespace: shop"),
}


def test_a_catch_all_stops_what_no_rule_above_it_may_claim(shop: Pipeline) -> None:
    report = shop.load({**IN_SHOP, "rules.yaml": rules(SHOP_RULE)})
    assert told(report) == [
        'lifecycle sale: is started by nothing: rule "rest" stops every sell',
        'chain selling: is started by nothing: rule "rest" stops every sell',
    ]


@pytest.mark.parametrize(
    "above",
    [
        rule("gate", SELLS, "{type: deduplicate, ttl_seconds: 60}"),
        rule("large", "{field: action.payload.total, gt: 5}", "{type: allow}"),
    ],
)
def test_a_catch_all_below_a_rule_that_may_claim_it_stops_nothing_for_certain(
    shop: Pipeline, above: str
) -> None:
    assert shop.load({**IN_SHOP, "rules.yaml": rules(above, SHOP_RULE)}).warnings == ()


def test_a_stop_for_some_actions_or_another_scope_is_no_stop(shop: Pipeline) -> None:
    some = rules(
        rule("small", f"{{all: [{SELLS}, {{field: action.payload.total, lt: 5}}]}}", "{type: deny}"),
        rule("elsewhere", SELLS, "{type: deny}", "namespace: other"),
    )
    assert shop.load({**SMALL, "rules.yaml": some}).warnings == ()


BIG = f"{{all: [{SELLS}, {{field: action.payload.total, gt: 5}}]}}"


@pytest.mark.parametrize("first", ["{type: deny}", "{type: allow}", "{type: reroute, target_provider: till}"])
def test_a_rule_below_one_that_takes_all_it_would_match_is_reached_by_nothing(
    shop: Pipeline, first: str
) -> None:
    files = rules(rule("a", SELLS, first, "priority: 1"), rule("b", BIG, "{type: deny}", "priority: 2"))
    report = shop.load({"providers.yaml": PROVIDERS, "rules.yaml": files})
    (line,) = told(report)
    assert (
        line == 'rule b: is reached by nothing: rule "a" above it ends the search for all that it would match'
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((SELLS, "{type: schedule, delay_seconds: 5}"), (BIG, "{type: deny}")),
        ((SELLS, "{type: deduplicate, ttl_seconds: 5}"), (BIG, "{type: deny}")),
        ((BIG, "{type: deny}"), (SELLS, "{type: deny}")),
        ((SELLS, "{type: deny}", "tenant: acme"), (BIG, "{type: deny}")),
        ((SELLS, "{type: deny}", "enabled: false"), (BIG, "{type: deny}")),
        (
            ("{field: time.hour, lt: 9}", "{type: deny}", "timezone: Europe/Berlin"),
            ("{field: time.hour, lt: 9}", "{type: deny}", "timezone: Asia/Tokyo"),
        ),
    ],
)
def test_a_rule_that_may_still_be_asked_is_left_in_peace(shop: Pipeline, one: Any, other: Any) -> None:
    files = rules(rule("a", *one, "priority: 1"), rule("b", *other, "priority: 2"))
    assert not [line for line in told(shop.load({"rules.yaml": files})) if "reached" in line]


def test_a_payload_that_is_modified_between_two_rules_is_another_one(shop: Pipeline) -> None:
    total = "{field: action.payload.total, gt: 5}"
    files = rules(
        rule("a", total, "{type: deny}", "priority: 1"),
        rule("m", SELLS, "{type: modify, changes: {total: 9}}", "priority: 2"),
        rule("b", total, "{type: deny}", "priority: 3"),
    )
    assert told(shop.load({"rules.yaml": files})) == []


def test_the_guides_pipeline_has_nothing_to_spare(shop: Pipeline) -> None:
    assert load_paths([ECOMMERCE], actor="tester").warnings == ()
    assert load_paths([ECOMMERCE / "acteon.toml"], actor="tester", dry_run=True).warnings == ()


@pytest.mark.parametrize("name", ["B.YAML", "b.Yml"])
def test_a_suffix_in_capitals_is_a_suffix(shop: Pipeline, name: str) -> None:
    report = shop.load({"providers.yaml": PROVIDERS, name: RULES})
    assert [change.identity for change in report.changes if change.section == "rules"] == [("refuse-small",)]


def test_a_directory_that_is_a_link_is_read_and_one_that_leads_back_is_read_once(shop: Pipeline) -> None:
    elsewhere = shop.directory.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "rules.yaml").write_text(RULES)
    (shop.directory / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(shop.directory)
    report = shop.load({"providers.yaml": PROVIDERS})
    assert [change.identity for change in report.changes if change.section == "rules"] == [("refuse-small",)]


def test_a_toml_file_in_capitals_is_one(shop: Pipeline) -> None:
    assert shop.load({"ACTEON.TOML": '[[providers]]\nname = "till"\ntype = "log"\n'}).changes[0].identity == (
        "till",
    )


def test_the_check_of_the_rules_keeps_no_row_locked(shop: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    outside, seen = len(connection.savepoint_ids), []

    def noting(question: Question) -> list[Finding]:
        seen.append(len(connection.savepoint_ids))
        return check_rules(question)

    monkeypatch.setattr("rules_app.config_kinds.rules.check_rules", noting)
    shop.load(SMALL)
    assert seen == [outside]
