"""What chains add to the evidence of a range: the versions that were in force in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audit_app.evidence.parts import EvidencePart, Span
from chains_app.models import ChainDefinition, ChainVersion


def versions(span: Span) -> Iterator[dict[str, Any]]:
    """Of each chain that concerns the tenant the version in force when the range began, and each that came in it.

    Runs pin the version with which they began: one that began before the range may go by an older one.
    """
    for definition in ChainDefinition.objects.order_by("name"):
        of_it = ChainVersion.objects.filter(definition=definition, created_at__lte=span.until).order_by(
            "number"
        )
        before = of_it.filter(created_at__lte=span.since).last()
        during = of_it.filter(created_at__gt=span.since)
        for version in [*([before] if before else ()), *during.iterator(chunk_size=20)]:
            trigger = version.spec.get("trigger") or {}
            if span.covers(trigger.get("namespace", "*"), trigger.get("tenant", "*")):
                yield {
                    "chain": definition.name,
                    "version": version.number,
                    "in_force_from": version.created_at.isoformat(),
                    "by": version.actor,
                    "definition": version.spec,
                }


EVIDENCE = (EvidencePart("chains", "the versions of chains in force in the range", versions),)
