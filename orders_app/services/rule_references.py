"""A rule or quota that a person types must name providers and chains that exist, as a loaded one must."""

from __future__ import annotations

from collections.abc import Sequence

from acteon_site.base.errors import FieldProblem
from chains_app.models import Provider
from chains_app.selectors import chain_rows
from orders_app.lifecycles.fields import suggestion
from rules_app.references import Named


def rule_reference_problems(named: Sequence[Named]) -> list[FieldProblem]:
    """Asked under the lock that deletions of chains and providers take too, so past every cache."""
    problems = []
    for field, section, name in named:
        rows = chain_rows() if section == "chains" else Provider.objects.all()
        known = tuple(rows.values_list("name", flat=True))
        if name not in known:
            text = f"names what does not exist: {name!r}{suggestion(name, known)}"
            problems.append(FieldProblem(field, text))
    return problems
