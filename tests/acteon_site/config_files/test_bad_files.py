"""Bad files: each problem with file, line, kind, name, field and what to do, and nothing half-applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from acteon_site.config_files.load import load_paths
from acteon_site.config_files.problems import LoadRefused
from acteon_site.models import ConfigStamp
from chains_app.models import ChainDefinition, Provider
from rules_app.models import Rule, RuleSetVersion
from tests.acteon_site.config_files.conftest import CHAIN, LIFECYCLE, PROVIDERS, RULES, SMALL, Pipeline

pytestmark = pytest.mark.django_db
HEAD = "rules:\n  - name: a\n    condition: {field: action.tenant, eq: x}\n"


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("rules.yaml", "ruls: []\n", "rules.yaml:1: ruls: unknown key (did you mean 'rules'?)"),
        ("rules.yaml", "rules: 5\n", "rules.yaml:1: rules: must be a list with one item for each rule"),
        ("rules.yaml", "rules:\n  - deny\n", "rules.yaml:2: rules[0]: must be a rule with its keys"),
        (
            "rules.yaml",
            HEAD + "    action: {type: deny}\n    priorty: 5\n",
            "rules.yaml:5: rule \"a\": priorty: unknown key 'priorty', did you mean 'priority'?",
        ),
        (
            "rules.yaml",
            RULES.replace("lt: 100", "lte_: 100"),
            'rules.yaml:6: rule "refuse-small": condition.lte_: '
            "unknown operator or key 'lte_', did you mean 'lte'?",
        ),
        (
            "rules.yaml",
            HEAD + "    timezone: US/Estern\n    action: {type: deny}\n",
            "rules.yaml:4: rule \"a\": timezone: unknown time zone 'US/Estern', did you mean 'US/Eastern'?",
        ),
        (
            "rules.yaml",
            HEAD.replace("eq: x", "in_list: [SE, NO]") + "    action: {type: deny}\n",
            'rules.yaml:3: rule "a": condition.in_list[1]: unquoted NO means false in YAML; '
            'write "NO" in quotes for text, or false',
        ),
        (
            "rules.yaml",
            HEAD + "    action: {type: deny}\n    name: b\n",
            'rules.yaml:5: rule "a": name: this key stands twice (first on line 2)',
        ),
        (
            "rules.yaml",
            HEAD + "    action: {type: state_machine}\n",
            "rules.yaml:4: rule \"a\": action.type: 'state_machine' rules are not supported by this gateway",
        ),
        (
            "settings.yaml",
            "settings: {default_timezone: Mars/Base}\n",
            "settings.yaml:1: settings \"default_timezone\": default_timezone: unknown time zone 'Mars/Base'",
        ),
        (
            "settings.yaml",
            "settings:\n  default_timezone: UTC\n  timezone: UTC\n",
            'settings.yaml:3: settings "default_timezone": timezone: unknown key (did you mean',
        ),
        (
            "providers.yaml",
            PROVIDERS.replace("type: log", "type: logg", 1),
            'providers.yaml:3: provider "till": type: must be one of log, webhook, email',
        ),
        (
            "providers.yaml",
            PROVIDERS + "  - {name: hook, type: webhook, url: 'ftp://x'}\n",
            'providers.yaml:6: provider "hook": url: must begin with https://',
        ),
        (
            "chains.yaml",
            CHAIN
            + "        branches:\n          - {field: body.ok, operator: eq, value: 1, target: chrge}\n",
            'chains.yaml:9: chain "selling": steps[0].branches[0].target: no step is called "chrge"',
        ),
        (
            "chains.yaml",
            CHAIN + "        default_next: charge\n",
            'chains.yaml:4: chain "selling": steps: the steps go round in a circle: charge -> charge',
        ),
        (
            "chains.yaml",
            CHAIN.replace("provider: till", "provider: tiil"),
            'chains.yaml:6: chain "selling": steps[0].provider: no provider is called "tiil" '
            "(did you mean 'till'?)",
        ),
        (
            "lifecycles.yaml",
            LIFECYCLE.replace("to: closed", "to: shut"),
            "lifecycles.yaml:7: lifecycle \"sale\": transitions[0].to: names no state: 'shut'",
        ),
        (
            "redaction.yaml",
            "redaction: {fields: [iban, 5]}\n",
            'redaction.yaml:1: redacted field "5": path: must be text, not a number',
        ),
        (
            "redaction.yaml",
            "redaction: {field: [iban]}\n",
            "redaction.yaml:1: redaction: must be an object with `fields`, a list of names",
        ),
        (
            "quotas.yaml",
            "quotas:\n  - {namespace: n, tenant: t, max_actions: 0, window: hourly}\n",
            'quotas.yaml:2: quota "n/t": max_actions: must be from 1 to',
        ),
        (
            "quotas.yaml",
            "quotas:\n  - namespace: n\n    tenant: t\n    max_actions: 5\n    window: 60\n    windw: 60\n",
            "quotas.yaml:6: quota \"n/t\": windw: unknown key (did you mean 'window'?)",
        ),
        (
            "retention.yaml",
            "retention:\n  - {namespace: n, tenant: t, audit_ttl_seconds: 14 days}\n",
            'retention.yaml:2: retention policy "n/t": audit_ttl_seconds: must be a whole number, not text',
        ),
        (
            "templates.yaml",
            "profiles:\n  - {name: p, namespace: n, tenant: t, fields: {subject: {$ref: gone}}}\n",
            'templates.yaml:2: template profile "n/t/p": fields.subject: no template is called "n/t/gone"',
        ),
        (
            "templates.yaml",
            "templates:\n  - {name: t, namespace: n, tenant: t, content: '{% if %}'}\n",
            'templates.yaml:2: template "n/t/t": content: ',
        ),
        (
            "breakers.yaml",
            "circuit_breakers:\n  - {provider: till, fallback_provider: depott}\n",
            'breakers.yaml:2: circuit breaker "till": fallback_provider: no provider is called "depott" '
            "(did you mean 'depot'?)",
        ),
        ("bad.toml", "a = tru\n", "bad.toml:1: is not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_at_its_line(shop: Pipeline, file: str, text: str, problem: str) -> None:
    if file.endswith(".toml"):
        shop.write(SMALL)
        with pytest.raises(LoadRefused) as caught:
            load_paths([shop.directory, _written(shop, file, text)], actor="tester")
        problems = [str(p).removeprefix(f"{shop.directory}/") for p in caught.value.problems]
    else:
        problems = shop.refused({**SMALL, file: text})
    assert [found for found in problems if found.startswith(problem)], problems
    assert len(problems) == 1
    assert_nothing_changed()


def _written(shop: Pipeline, file: str, text: str) -> Path:
    shop.write({file: text})
    return shop.directory / file


def assert_nothing_changed() -> None:
    for model in (Rule, RuleSetVersion, Provider, ChainDefinition, ConfigStamp):
        assert not model._default_manager.exists()


def test_every_problem_of_every_file_is_told_at_once(shop: Pipeline) -> None:
    problems = shop.refused(
        {
            "providers.yaml": PROVIDERS.replace("type: log", "type: logg", 1),
            "rules.yaml": RULES.replace("lt: 100", "lt: NO").replace("type: deny", "type: denyy"),
            "chains.yaml": CHAIN.replace("provider: till", "provider: tiil"),
            "broken.yaml": "a: [\n",
        }
    )
    assert sorted(problem.split(":")[0] for problem in problems) == [
        "broken.yaml",
        "chains.yaml",
        "providers.yaml",
        "rules.yaml",
        "rules.yaml",
    ]


def test_a_name_that_stands_twice_names_the_first_place(shop: Pipeline) -> None:
    assert shop.refused({**SMALL, "zz.yaml": RULES}) == [
        f'zz.yaml:2: rule "refuse-small": stands twice (first at {shop.directory}/rules.yaml:2)'
    ]


def test_sub_chains_that_call_each_other_are_refused(shop: Pipeline) -> None:
    circle = "chains:\n" + "".join(
        f"  - name: {name}\n    steps:\n      - {{name: go, sub_chain: {other}}}\n"
        for name, other in (("one", "two"), ("two", "one"))
    )
    assert shop.refused({"chains.yaml": circle}) == [
        'chains.yaml:3: chain "one": steps: sub-chains go round in a circle: one -> two -> one',
        'chains.yaml:6: chain "two": steps: sub-chains go round in a circle: one -> two -> one',
    ]


def test_steps_side_by_side_name_what_exists_too(shop: Pipeline) -> None:
    chain = (
        "chains:\n  - name: both\n    steps:\n      - name: all\n        parallel:\n          steps:\n"
        "            - {name: one, provider: till, action_type: a}\n"
        "            - {name: two, provider: nobody, action_type: b}\n"
    )
    problems = shop.refused({**SMALL, "more.yaml": chain})
    assert problems == [
        'more.yaml:8: chain "both": steps[0].parallel.steps[1].provider: no provider is called "nobody"'
        "; known are depot, till"
    ]


def test_fallbacks_that_lead_back_are_refused(shop: Pipeline) -> None:
    circle = (
        "circuit_breakers:\n"
        "  - {provider: till, fallback_provider: depot}\n"
        "  - {provider: depot, fallback_provider: till}\n"
    )
    problems = shop.refused({"providers.yaml": PROVIDERS, "breakers.yaml": circle})
    assert problems[0] == (
        'breakers.yaml:2: circuit breaker "till": fallback_provider: '
        "the fallbacks go round in a circle: till -> depot -> till"
    )


def test_two_chains_or_lifecycles_with_one_claim_are_refused(shop: Pipeline) -> None:
    problems = shop.refused(
        {
            **SMALL,
            "more-chains.yaml": CHAIN.replace("selling", "vending"),
            "more-lifecycles.yaml": LIFECYCLE.replace("name: sale", "name: vend"),
        }
    )
    assert (
        'chains.yaml:3: chain "selling": trigger: is triggered by the same actions as chain "vending"'
        in problems
    )
    assert (
        'more-lifecycles.yaml:3: lifecycle "vend": action_type: claims the same actions as lifecycle "sale"'
        in (problems)
    )


def test_rules_that_name_what_is_missing_are_refused(shop: Pipeline) -> None:
    actions = {
        "{type: reroute, target_provider: nobody}": "action.target_provider",
        "{type: request_approval, notify_provider: nobody}": "action.notify_provider",
        "{type: chain, chain: nothing}": "action.chain",
    }
    for action, field in actions.items():
        problems = shop.refused({**SMALL, "more.yaml": HEAD + f"    action: {action}\n"})
        assert problems[0].startswith(f'more.yaml:4: rule "a": {field}: no ')


def test_what_is_still_named_by_a_persons_row_is_not_removed(shop: Pipeline) -> None:
    shop.load(SMALL)
    Rule.objects.create(
        name="mine",
        condition={"field": "action.tenant", "eq": "x"},
        action={"type": "reroute", "target_provider": "depot"},
    )
    assert shop.refused({"providers.yaml": PROVIDERS.replace("depot", "store")}) == [
        'shop: provider "depot": is not in the files any more, but rule "mine" names it; change that first'
    ]
    assert Provider.objects.filter(name="depot").exists()


def test_a_broken_rule_that_a_person_left_behind_refuses_the_publication(shop: Pipeline) -> None:
    Rule.objects.create(name="mine", condition={"field": "nonsense", "eq": 1}, action={"type": "deny"})
    problems = shop.refused(SMALL)
    assert problems[0].startswith("shop: rules: rules[mine].condition.field: ")
    assert not Rule.objects.filter(name="refuse-small").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe\x00", "is not UTF-8 text"), (b"a: 1\n" * 300_000, "is larger than 1024 KiB")],
)
def test_what_is_no_text_file_is_refused(shop: Pipeline, content: bytes, words: str) -> None:
    (shop.directory / "odd.yaml").write_bytes(content)
    assert words in shop.refused(SMALL)[0]


def test_paths_of_several_directories_need_a_source(shop: Pipeline, tmp_path: Path) -> None:
    shop.write(SMALL)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "rules.yaml").write_text(RULES)
    with pytest.raises(LoadRefused, match="--source"):
        load_paths([shop.directory, tmp_path / "other"], actor="tester")


def test_names_too_long_for_their_column_are_refused(shop: Pipeline) -> None:
    problems = shop.refused({**SMALL, "lifecycles.yaml": LIFECYCLE.replace("sale", "s" * 201)})
    assert "at most 200 characters" in problems[0]
    assert problems[0].startswith("lifecycles.yaml:2: lifecycle")
