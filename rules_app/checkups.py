"""What `manage.py doctor` looks at of rules."""

from __future__ import annotations

from collections.abc import Iterator

from acteon_site.base.errors import AppError
from acteon_site.base.findings import Checkup, Finding, fail, ok, warn
from rules_app.models import RuleSetVersion
from rules_app.selectors import build_rule_set, current_rules

LOAD = "Run `manage.py load_pipeline FOLDER`, or publish rules in the admin."


def in_force() -> Iterator[Finding]:
    """Whether the newest version is the one by which is decided. Until then orders are answered by an older one."""
    newest = RuleSetVersion.objects.order_by("-number").first()
    if newest is None:
        yield fail("no rules were ever published, so every order is answered 503", LOAD)
        return
    rules, problems = build_rule_set(newest.content, newest.number)
    if rules is None:
        first = f"{problems[0].field} {problems[0].message}"
        yield fail(
            f"version {newest.number} does not load: {first}",
            "Mend that rule and publish; an older version decides.",
        )
        return
    yield ok(f"version {newest.number} is in force, {len(current_rules().rules)} rules")
    if not rules.rules:
        yield warn("it holds no rule, so everything is allowed", LOAD)


def orders_status() -> str:
    """Without rules in force every order is answered 503."""
    try:
        current_rules()
    except AppError:
        return "down"
    return "ok"


CHECKUPS = (Checkup("rules", in_force),)
