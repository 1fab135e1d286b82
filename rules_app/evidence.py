"""What rules add to the evidence of a range: the versions that were in force in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audit_app.evidence.parts import EvidencePart, Span
from rules_app.models import RuleSetVersion


def versions(span: Span) -> Iterator[dict[str, Any]]:
    """The version in force when the range began and each that came in it, with the rules that concern the tenant."""
    before = RuleSetVersion.objects.filter(created_at__lte=span.since).order_by("-number")[:1]
    during = RuleSetVersion.objects.filter(created_at__gt=span.since, created_at__lte=span.until)
    for found in (before, during.order_by("number")):
        for version in found.iterator(chunk_size=20):
            yield _shown(version, span)


def _shown(version: RuleSetVersion, span: Span) -> dict[str, Any]:
    content = version.content
    concerned = [
        rule for rule in content["rules"] if span.covers(rule.get("namespace", "*"), rule.get("tenant", "*"))
    ]
    return {
        "ruleset_version": version.number,
        "in_force_from": version.created_at.isoformat(),
        "by": version.actor,
        "cause": version.cause,
        "reason": version.reason,
        "digest_of_all": version.digest,
        "default_timezone": content["default_timezone"],
        "rules": concerned,
        **_muting(content, span),
        "rules_of_others": len(content["rules"]) - len(concerned),
    }


def _muting(content: dict[str, Any], span: Span) -> dict[str, Any]:
    """The time intervals and the lines about what may be muted that concern the tenant, where there are any."""
    found = {
        name: [
            one
            for one in content.get(name, ())
            if span.covers(one.get("namespace", "*"), one.get("tenant", "*"))
        ]
        for name in ("time_intervals", "muting")
    }
    return {name: ones for name, ones in found.items() if ones}


EVIDENCE = (
    EvidencePart(
        "rules",
        "the versions of rules in force in the range; records name theirs as ruleset_version",
        versions,
    ),
)
