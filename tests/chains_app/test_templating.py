"""Payload templates: types are kept, text stays text, and nothing that was inserted is expanded again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains_app.templating import MISSING, MissingReference, lookup, render, render_strictly, render_traced

CONTEXT = {
    "origin": {
        "tenant": "acme-store",
        "payload": {
            "order_id": "o-1",
            "total_cents": 4999,
            "rate": 0.5,
            "gift": True,
            "note": None,
            "items": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}],
            "sly": "{{origin.payload.order_id}}",
            "7": "seven",
        },
    },
    "steps": {"validate": {"body": {"logged": True}}},
    "prev": {"body": {"logged": True}},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{origin.payload.order_id}}", "o-1"),
        ("{{ origin.payload.total_cents }}", 4999),
        ("{{origin.payload.rate}}", 0.5),
        ("{{origin.payload.gift}}", True),
        ("{{origin.payload.note}}", None),
        ("{{origin.payload.items}}", [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]),
        ("{{origin.payload.items[1].sku}}", "b"),
        ("{{origin.payload.items.0.n}}", 2),
        ("{{origin.payload.7}}", "seven"),
        ("{{steps.validate.body.logged}}", True),
        ("{{prev.body}}", {"logged": True}),
        ("{{origin.tenant}}", "acme-store"),
    ],
)
def test_a_placeholder_alone_keeps_its_type(template: str, value: Any) -> None:
    rendered = render(template, CONTEXT)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Order {{origin.payload.order_id}}!", "Order o-1!"),
        ("{{origin.payload.order_id}}{{origin.payload.total_cents}}", "o-14999"),
        (" {{origin.payload.total_cents}}", " 4999"),
        ("gift={{origin.payload.gift}} note={{origin.payload.note}}.", "gift=true note=."),
        ("{{origin.payload.items[0]}} ", '{"sku":"a","n":2} '),
        ("{{nowhere.at.all}}.", "."),
        ("no placeholder }} {{", "no placeholder }} {{"),
        ("{{a{b}}", "{{a{b}}"),
    ],
)
def test_inside_text_a_value_is_text(template: str, text: str) -> None:
    assert render(template, CONTEXT) == text


@pytest.mark.parametrize(
    "path",
    [
        "origin.payload.nothing",
        "origin.payload.items[2]",
        "origin.payload.items.sku",
        "origin.payload.order_id.x",
        "origin.payload.items[-1]",
        "a b",
        "",
        ".",
        "origin..payload",
        "__class__",
        "origin.payload.items.__len__",
    ],
)
def test_a_path_that_leads_nowhere_is_null(path: str) -> None:
    rendered = render_traced({"x": f"{{{{{path}}}}}"}, CONTEXT)
    assert (rendered.value, rendered.sources) == ({"x": None}, ())


@pytest.mark.parametrize(
    "template", ["{{origin.payload.%s}}", "to {{ origin.payload.%s }}.", "{{origin.payload.%s.x}}"]
)
@pytest.mark.parametrize("field", ["nothing", "note", "items[2]"])
def test_strictly_a_path_that_leads_to_nothing_is_named(template: str, field: str) -> None:
    with pytest.raises(MissingReference, match=r"nothing stands at origin\.payload\.") as caught:
        render_strictly({"a": [template % field]}, CONTEXT)
    assert caught.value.path.startswith(f"origin.payload.{field}")


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ('{{origin.payload.nothing | default("")}}', ""),
        ('{{origin.payload.nothing|default("a | b (c)")}}', "a | b (c)"),
        ("{{ origin.payload.nothing | default('it is \"so\"') }}", 'it is "so"'),
        ("{{origin.payload.note | default(null)}}", None),
        ("{{origin.payload.note | default(none)}}", None),
        ("{{origin.payload.nothing | default( [] )}}", []),
        ("{{origin.payload.nothing | default(0.5)}}", 0.5),
        ("{{origin.payload.nothing | default(false)}}", False),
        ("to {{origin.payload.nothing | default('nobody')}}.", "to nobody."),
        ("{{origin.payload.total_cents | default(0)}}", 4999),
        ("{{origin.payload.gift | default(false)}}", True),
    ],
)
def test_a_default_stands_for_what_is_missing(template: str, value: Any) -> None:
    for rendered in (render_strictly(template, CONTEXT), render(template, CONTEXT)):
        assert rendered == value
        assert type(rendered) is type(value)


def test_a_default_that_was_handed_out_is_not_the_next_ones() -> None:
    render("{{nothing | default([])}}", {}).append(1)
    assert render("{{nothing | default([])}}", {}) == []


def test_inserted_text_is_never_expanded_again() -> None:
    assert render("{{origin.payload.sly}}", CONTEXT) == "{{origin.payload.order_id}}"
    assert render("<{{origin.payload.sly}}>", CONTEXT) == "<{{origin.payload.order_id}}>"


def test_keys_and_other_values_are_left_alone() -> None:
    template = {"{{origin.tenant}}": 1, "n": [1, 2.5, None, True]}
    assert render(template, CONTEXT) == template


def test_it_tells_what_came_from_where() -> None:
    template = {"card": "{{origin.payload.order_id}}", "list": [{"t": "for {{origin.tenant}}"}], "fixed": "x"}
    rendered = render_traced(template, CONTEXT)
    assert rendered.sources == (("card", "origin.payload.order_id"), ("list[0].t", "origin.tenant"))
    assert rendered.tainted(lambda path: path == "origin.tenant") == ("list.t",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_any_value_comes_through_alone_unchanged(value: Any) -> None:
    assert render("{{v}}", {"v": value}) == value


@given(json_values)
def test_any_value_becomes_text_that_reads_back(value: Any) -> None:
    text = render("{{v}}|", {"v": value})
    assert text.endswith("|")
    if not isinstance(value, str) and value is not None:
        assert json.loads(text[:-1]) == value


@given(st.text(), json_values)
def test_no_template_raises_and_one_without_braces_stays_itself(template: str, value: Any) -> None:
    rendered = render({"t": template}, {"v": value})
    if "{{" not in template:
        assert rendered == {"t": template}


@given(st.text(alphabet="{}ab. []0"))
def test_strange_braces_never_raise(template: str) -> None:
    render(template, {"a": {"b": [1]}, "b": 2})


@given(json_values, st.text())
def test_looking_up_anything_anywhere_never_raises(value: Any, path: str) -> None:
    lookup(value, path)
    assert lookup({"only": value}, "other") is MISSING


def test_a_long_hostile_template_takes_linear_time() -> None:
    hostile = "{{" + " " * 50_000 + "{{a" * 20_000
    assert render(hostile, {}) == hostile
    assert render("{{" + " " * 50_000 + "| default(" + ") " * 50_000 + "x}}", {}) is None
