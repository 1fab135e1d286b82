"""Reports of trials as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from acteon_site.base.money import money
from rules_app.engine.rollout import OUTSIDE, UNKEYED, WITHIN
from rules_app.engine.trials import SHADOW, Trial
from rules_app.trial_facts import GATES, PASSED, REFUSED_BY
from rules_app.trial_report import Report, Side, Sum

# How people read the sides.
SIDE_LABELS: Mapping[str, str] = {
    SHADOW: "In shadow",
    WITHIN: "Within the share",
    OUTSIDE: "Outside of it",
    UNKEYED: "Without a value to tell them apart by",
}
OVERLAP_COLUMNS = ("Happened", "By the rule", "Orders", "Differing", "Worth")


def report_lines(report: Report) -> Iterator[str]:
    """One for each side: how many there were, and how many would have fared otherwise."""
    for side in report.sides.values():
        share = "" if side.name == SHADOW else f" ({report.share(side):.1f} %)"
        yield f"{SIDE_LABELS[side.name]}: {differing_in_words(side)}{share}; worth {worth(side.all)}"


def differing_in_words(side: Side) -> str:
    """1 of 2 orders would have been refused by it, and were not."""
    count = f"{side.all.differing} of {side.all.trials} orders"
    if side.name == WITHIN:
        return f"{count} fared as they did because of it"
    return f"{count} would have {effect(side.main)}, and were not"


def overlap_rows(side: Side) -> Iterator[tuple[str, ...]]:
    for fate, found in side.fates.items():
        counts = (str(found.trials), str(found.differing))
        yield plain(fate.happened), fate.rule or "-", *counts, worth(found)


def worth(found: Sum) -> str:
    """By currency, the largest count of units first; a dash where no total is known."""
    amounts = (money(amount, currency) for currency, amount in found.worth.most_common())
    return ", ".join(amounts) or "-"


def plain(word: str) -> str:
    return word.replace("_", " ")


def sample_in_words(would: str, happened: str) -> str:
    """What became of one order; of a gate in shadow also whether it would have let the order pass."""
    if would == PASSED:
        return f"{plain(happened)}, and would have passed"
    refused = f", would have {effect(would)}" if would in REFUSED_BY.values() else ""
    return f"{plain(happened)}{refused}"


def trial_in_words(trial: Trial) -> str:
    """What a rule in shadow would have made of one order, or on which side of a rule's share it is."""
    rule, would = trial.rule, effect(trial.would)
    share = f"is for {rule.rollout.in_words()}" if rule.rollout else ""
    if trial.side == SHADOW:
        return f"By the rule {rule.name}, which is in shadow, it would have {would}."
    if trial.side == WITHIN:
        return f"The rule {rule.name} {share}, and this one is within."
    return f"By the rule {rule.name} it would have {would}, but that {share}, and this one is outside."


def effect(would: str) -> str:
    """What such a rule would have done to an order, as the end of "would have …"."""
    if would in GATES:
        return f"had to pass ({would})"
    return _EFFECTS.get(would, f"fared otherwise ({would})")


_EFFECTS: Mapping[str, str] = {
    "deny": "been refused",
    "suppress": "been refused",
    "failed": "failed, because the rule cannot be evaluated",
    "request_approval": "been held for approval",
    "schedule": "been held for later",
    "allow": "been let through",
    "reroute": "gone to another provider",
    "chain": "started another chain",
    "group": "been gathered with others for one call",
    "modify": "been changed",
    "throttled": "been refused as one too many",
    "deduplicated": "been refused as a repeat",
    "passed": "been refused",
}
