"""What the business calls a typed field is kept with the lifecycle."""

from __future__ import annotations

from typing import Any

import pytest

from orders_app.lifecycles.fields import parse_field


def test_a_field_may_have_a_label() -> None:
    field, problems = parse_field("total_cents", {"type": "integer", "label": "order value"})
    assert field is not None, problems
    assert field.label == "order value"


@pytest.mark.parametrize("label", ["x" * 61, "two\nlines", 5])
def test_a_label_is_one_short_line(label: Any) -> None:
    _, problems = parse_field("total_cents", {"type": "integer", "label": label})
    assert [problem.field for problem in problems] == ["fields.total_cents.label"]
