"""The check's question, from a configuration: files by themselves, the database, or both as a load leaves them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checking import Checked, check_entries
from acteon_site.config_files.kind import KINDS, Spec, World
from acteon_site.config_files.problems import FileProblem, distinct
from acteon_site.config_files.reading import read_paths
from rules_app.checking import Finding, Names, Question, Seen, Severity, check_rules
from rules_app.checking.reports import Located
from rules_app.differences import COUNTER, is_rule
from rules_app.drafts import draft_world
from rules_app.engine import parse_rule
from rules_app.engine.counting import Counter
from rules_app.engine.muting_terms import mutables_of, mutables_problem
from rules_app.models import RuleDraft
from rules_app.references import schemas_declared
from rules_app.selectors import INTERVALS, MUTING, parse_counters, parse_intervals
from rules_app.services.seen import payloads_seen

UNKNOWN, UNSEEN = Names(), Seen()
OPEN_DOOR = "missing-catch-all"  # not told where a rule that cannot be read may be the one
_ZONES = ("timezone", "default_timezone")


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in how many rules, and in what: `what` ends "in …"."""

    found: list[Located]
    rules: list[str]
    what: str


def question_of(world: World, *, names: Names = UNKNOWN, seen: Seen = UNSEEN) -> Question:
    rules = [rule for spec in world["rules"].values() if (rule := parse_rule(spec)[0])]
    zone = next((spec.get("default_timezone") for spec in world["settings"].values()), None)
    zone = zone or settings.DEFAULT_RULE_TIMEZONE
    schemas = schemas_declared(world["lifecycles"].values())
    counters = tuple(counters_declared(world, zone))
    intervals = muting_declared(world)["intervals"]
    known = _declared(world, seen)
    return Question(rules, timezone.now(), zone, schemas, names, known, counters, intervals)


def counters_declared(world: World, zone: str) -> list[Counter]:
    return parse_counters(world["counters"].values(), zone)[0]


def muting_declared(world: World) -> dict[str, Any]:
    """The time intervals, and which actions may be muted, for a set of the world's rules."""
    mutables = next((spec.get(MUTING) for spec in world["settings"].values()), None) or []
    intervals = parse_intervals(world.get(INTERVALS, {}).values())[0]
    return {"intervals": intervals, "mutables": () if mutables_problem(mutables) else mutables_of(mutables)}


def _declared(world: World, seen: Seen) -> Seen:
    """With the currencies between which a lifecycle lets orders choose."""
    specs = (spec.get("fields", {}).get("currency", {}) for spec in world["lifecycles"].values())
    named = {code for spec in specs for code in spec.get("one_of", ()) if isinstance(code, str)}
    return replace(seen, currencies=seen.currencies | named)


def names_of(world: World, *, whole: bool) -> Names:
    """What rules may name: not `whole`, only sections that the world holds anything of are known."""
    known = {
        section: frozenset(identity[0] for identity in world[section]) if whole or world[section] else None
        for section in ("providers", "chains", "lists")
    }
    return Names(known["providers"], known["chains"], known["lists"])


def check_database() -> Checkup:
    """The rules as they stand in the database, with the payloads that the audit trail has seen."""
    world = stored_world()
    question = question_of(world, names=names_of(world, whole=True), seen=payloads_seen())
    found = [Located(finding) for finding in check_rules(question)]
    return Checkup(found, _enabled(question), "the database")


def check_draft(draft: RuleDraft) -> Checkup:
    """What would be found with the draft published, and is not found now."""
    world, seen = stored_world(), payloads_seen()
    names = names_of(world, whole=True)
    now = check_rules(question_of(world, names=names, seen=seen))
    question = question_of(with_draft(world, draft), names=names, seen=seen)
    found = [Located(one) for one in new_findings(now, check_rules(question))]
    return Checkup(found, _enabled(question), f"draft {draft.pk}")


def new_findings(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Those of after that were not there before; their examples, which have a time, may differ."""
    told = {_said(one) for one in before}
    return [one for one in after if _said(one) not in told]


def _said(one: Finding) -> tuple[str, ...]:
    return one.id, one.rule, one.field, one.message


def stored_world(sections: Collection[str] | None = None) -> dict[str, dict[tuple[str, ...], Spec]]:
    """Every row of these kinds of configuration (None: all), as a load would see it."""
    found: dict[str, dict[tuple[str, ...], Spec]] = {}
    for section in sections if sections is not None else KINDS:
        kind = KINDS[section]
        specs = [kind.to_spec(row) for row in kind.rows()]
        found[section] = {kind.identity(spec): spec for spec in specs}
    return found


def with_draft(world: World, draft: RuleDraft) -> World:
    """The same as if the draft had been published."""
    drafted = draft_world(draft)
    sections = {
        "rules": [spec for name, spec in drafted.items() if is_rule(name)],
        "counters": [spec for name, spec in drafted.items() if name.startswith(COUNTER)],
    }
    return {**world, **{section: _named(specs) for section, specs in sections.items()}}


def _named(specs: Iterable[Spec]) -> dict[tuple[str, ...], Spec]:
    return {(spec["name"],): spec for spec in specs}


def check_files(paths: Sequence[Path]) -> Checkup:
    """The rules of files and folders by themselves: no database is asked."""
    reading = read_paths(paths)
    checked = check_entries(reading.entries)
    problems = distinct([*reading.problems, *checked.problems])
    world = {
        section: {identity: valid.spec for identity, valid in entries.items()}
        for section, entries in checked.entries.items()
    }
    question = question_of(world, names=names_of(world, whole=False))
    found = [_refused(problem) for problem in problems]
    known = [finding for finding in check_rules(question) if not (problems and finding.id == OPEN_DOOR)]
    found += [_placed(finding, checked) for finding in known]
    return Checkup(found, _enabled(question), ", ".join(map(str, paths)))


def _enabled(question: Question) -> list[str]:
    return [rule.name for rule in question.rules if rule.enabled]


def _refused(problem: FileProblem) -> Located:
    """What a load would refuse."""
    kind = "unknown-zone" if problem.field in _ZONES and "zone" in problem.message else "invalid"
    rule = problem.name if problem.kind == "rule" else ""
    subject = "" if rule else " ".join(filter(None, (problem.kind, problem.name)))
    message = " ".join(filter(None, (subject, problem.field, problem.message)))
    advice = "Correct it: files with it do not load."
    return Located(
        Finding(kind, Severity.ERROR, rule, message, advice, problem.field), problem.file, problem.line
    )


def _placed(finding: Finding, checked: Checked) -> Located:
    valid = checked.entries["rules"].get((finding.rule,))
    if valid is None:
        return Located(finding)
    place: Any = valid.entry.locate(FieldProblem(finding.field, ""), kind="rule", name=finding.rule)
    return Located(finding, place.file, place.line)
