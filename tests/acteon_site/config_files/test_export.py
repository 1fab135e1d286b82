"""What export writes, load reads back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteon_site.base.errors import AppError
from acteon_site.config_files.export import export_to
from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.load import load_paths
from acteon_site.config_files.yaml_reader import read_yaml
from acteon_site.config_files.yaml_writer import write_yaml
from chains_app.models import ChainDefinition
from rules_app.models import Rule
from rules_app.services.rule_sets import rule_enable
from tests.acteon_site.config_files.conftest import ECOMMERCE, SMALL, Pipeline, done
from tests.depth import examples

EVERYTHING = {
    **SMALL,
    "settings.yaml": "settings: {default_timezone: US/Eastern}\n",
    "counters.yaml": (
        "counters:\n"
        "  - {name: n, count: orders, by: action.payload.email, window: 24h, most: 1000}\n"
        "  - {name: m, sum: action.payload.n, window: today, per: everywhere, with_this_order: true}\n"
    ),
    "breakers.yaml": "circuit_breakers:\n  - {provider: till, enabled: false, fallback_provider: depot}\n",
    "redaction.yaml": (
        "redaction:\n"
        "  - {fields: [iban, card.number]}\n"
        "  - {fields: [note], placeholder: '***'}\n"
        "  - {fields: [old], enabled: false}\n"
    ),
    "lists.yaml": "lists:\n  - {name: blocked, matching: folded, entries: [b, {value: a, note: why}]}\n",
    "quotas.yaml": (
        "quotas:\n"
        "  - {namespace: n, tenant: t, max_actions: 5, window: 90, overage_behavior: 'notify:till'}\n"
        "  - {namespace: n, tenant: t, provider: till, max_actions: 5, window: daily, labels: {team: a}}\n"
    ),
    "retention.yaml": (
        "retention:\n  - {namespace: n, tenant: t, audit_ttl_seconds: 60, compliance_hold: true}\n"
    ),
    "approvals.yaml": (
        "approval_policies:\n"
        "  - name: shops\n    namespace: n\n    tenant: t\n"
        "    reasons: [looks like fraud]\n    reason_required: true\n"
        "    reminders:\n      - {before_seconds: 900, provider: till, format: slack}\n"
        "    escalation: {before_seconds: 600, group: administrator, provider: till}\n"
        "    key_holders: {storefront: [ada]}\n"
    ),
    "subscriptions.yaml": (
        "subscriptions:\n"
        "  - {namespace: n, tenant: t, name: hook, url: 'https://a.example.com/', event_types: [chain_*]}\n"
    ),
    "intervals.yaml": (
        "time_intervals:\n"
        "  - {name: nights, namespace: n, tenant: t, time_ranges: [{times: [{start: '22:00', end: '24:00'}]}]}\n"
    ),
    "recurring.yaml": (
        "recurring:\n"
        "  - name: report\n    namespace: n\n    tenant: t\n    provider: till\n    action_type: report\n"
        "    payload: {to: ops, deep: {n: 1.5}}\n    cron_expression: '0  9 * * MON'\n"
        "    end_date: 2099-01-01T00:00:00Z\n    metadata: {a: b}\n"
    ),
    "templates.yaml": (
        "templates:\n"
        "  - name: mail\n    namespace: n\n    tenant: t\n"
        "    content: |\n      Hello {{ payload.name }},\n        NO: 012\n"
        "profiles:\n"
        "  - {name: p, namespace: n, tenant: t, fields: {a: {$ref: mail}, b: {inline: '{{ x }}'}, c: text}}\n"
    ),
}


def digests() -> dict[str, dict[tuple[str, ...], str]]:
    return {
        section: {kind.identity(spec): kind.digest(spec) for spec in map(kind.to_spec, kind.rows())}
        for section, kind in KINDS.items()
    }


def wipe() -> None:
    for kind in reversed(list(KINDS.values())):
        for row in kind.rows():
            kind.remove(row)


@pytest.mark.django_db
def test_an_export_reads_back_the_same_into_an_empty_database(shop: Pipeline, tmp_path: Path) -> None:
    shop.load(EVERYTHING)
    rule_enable(name="refuse-small", enabled=False, actor="maria")
    before = digests()
    assert all(before.values())
    export_to(tmp_path / "out")
    wipe()
    assert not ChainDefinition.objects.exists()
    load_paths([tmp_path / "out"], actor="tester")
    assert digests() == before
    assert not Rule.objects.get().enabled


@pytest.mark.django_db
def test_an_export_reads_back_as_no_change_over_what_it_was_made_from(shop: Pipeline, tmp_path: Path) -> None:
    shop.load(EVERYTHING)
    export_to(tmp_path / "out")
    for source in ("shop", "another"):
        assert done(load_paths([tmp_path / "out"], actor="tester", source=source)) == {}


@pytest.mark.django_db
def test_an_export_is_the_same_every_time(tmp_path: Path) -> None:
    load_paths([ECOMMERCE], actor="tester")
    export_to(tmp_path / "one")
    export_to(tmp_path / "two")
    texts = [{path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert texts[0] == texts[1]
    assert sorted(texts[0]) == [
        "chains.yaml",
        "lifecycles.yaml",
        "providers.yaml",
        "redaction.yaml",
        "rules.yaml",
        "settings.yaml",
    ]
    assert all(text.startswith("# ") for text in texts[0].values())


@pytest.mark.django_db
def test_an_export_of_one_source_leaves_the_rest_out(shop: Pipeline, tmp_path: Path) -> None:
    shop.load(SMALL)
    Rule.objects.create(name="mine", condition={"field": "action.tenant", "eq": "x"}, action={"type": "deny"})
    export_to(tmp_path / "out", source="shop")
    assert "mine" not in (tmp_path / "out" / "rules.yaml").read_text()


@pytest.mark.django_db
def test_an_export_never_mixes_with_other_configuration(shop: Pipeline, tmp_path: Path) -> None:
    shop.load({**SMALL, "quotas.yaml": EVERYTHING["quotas.yaml"]})
    out = tmp_path / "out"
    export_to(out)
    with pytest.raises(AppError, match="--force"):
        export_to(out)
    (shop.directory / "quotas.yaml").unlink()
    shop.load()
    export_to(out, overwrite=True)
    assert not (out / "quotas.yaml").exists()
    (out / "more.yaml").write_text("rules: []\n")
    with pytest.raises(AppError, match=r"other configuration \(more\.yaml\)"):
        export_to(out, overwrite=True)


def storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


AWKWARD = (
    *("NO", "yes", "012", "0x1F", "1_000", "1e3", "12:30", "2026-03-10", "~", "null", "<<", "=", "*a", "&a"),
    *(
        "!a",
        "- a",
        "a: b",
        "# a",
        " a ",
        "a\nb\n",
        "\n",
        "a\tb",
        "\x85",
        "\u2028",
        "{{x}}",
        "${X}",
        "true",
        ".5",
    ),
)
texts = st.text(max_size=40).filter(storable) | st.sampled_from(AWKWARD)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**20), max_value=10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(60), deadline=None)
@given(st.dictionaries(texts, values, max_size=4))
def test_whatever_is_written_is_read_back_the_same(data: dict[str, Any]) -> None:
    document, flaws = read_yaml(write_yaml(data), "f.yaml")
    assert flaws == []
    assert document.data == data
