"""The numbered version that a load puts in force: the rule set, of which rules and their settings are parts."""

from __future__ import annotations

from rules_app.models import RuleSetVersion
from rules_app.services.rule_sets import rule_set_publish


class RuleSetPublisher:
    title = "rules"

    def newest(self) -> int | None:
        return RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()

    def publish(self, *, cause: str, actor: str) -> int:
        return rule_set_publish(cause=cause, actor=actor).number


RULE_SET = RuleSetPublisher()
