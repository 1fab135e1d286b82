"""Reads: what a draft says, what it would change, and versions as states of the rules.

An editor, a trial and a backtest ask here: `draft_rule_set` and `version_rule_set` decide without being in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from acteon_site.base.digest import content_digest
from acteon_site.base.errors import not_found
from rules_app.counting_since import SINCE, with_counters
from rules_app.differences import (
    COUNTER,
    MUTABLES,
    SETTINGS,
    Difference,
    Spec,
    World,
    counter_key,
    difference,
    differences,
    interval_key,
    is_rule,
    revision_of,
)
from rules_app.engine import RuleSet
from rules_app.engine.words import PLAIN, Lexicon
from rules_app.merging import Conflict, Standing, standing
from rules_app.models import Rule, RuleCounter, RuleDraft, RuleDraftChange, RuleSetVersion
from rules_app.selectors import (
    INTERVALS,
    MUTING,
    default_timezone,
    muting_content,
    newest_content,
    rules_of_content,
)
from rules_app.specs import counter_spec, rule_spec

# What a rule set says of its version where it is in force nowhere.
UNPUBLISHED = 0


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of a draft beside the rule that is live. `source`: the files that own that rule."""

    change: RuleDraftChange
    live: Spec | None
    standing: Standing
    difference: Difference
    source: str = ""
    live_by: str = ""
    live_at: datetime | None = None
    lexicon: Lexicon = PLAIN

    @property
    def is_rule(self) -> bool:
        return is_rule(self.change.name)

    @property
    def counter(self) -> str:
        """The counter's name; empty of all else."""
        name = self.change.name
        return name.removeprefix(COUNTER) if name.startswith(COUNTER) else ""

    @property
    def conflict(self) -> Conflict:
        """Theirs is the live side."""
        change = self.change
        return Conflict(change.name, change.base, self.live, change.spec, self.live_by, self.live_at)

    @property
    def sides(self) -> tuple[Difference, Difference]:
        """What has become of the rule live, and what the draft makes of it, since the draft's edit began."""
        name, base, lexicon = self.change.name, self.change.base, self.lexicon
        return difference(name, base, self.live, lexicon), difference(name, base, self.change.spec, lexicon)

    @property
    def live_revision(self) -> str | None:
        return revision_of(self.live)


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft with what it would change now; of a closed one, what it changed then."""

    draft: RuleDraft
    changes: tuple[ChangeView, ...]

    @property
    def revision(self) -> str:
        """A short name for all that the draft says, by which a publisher says what was reviewed."""
        said = [[view.change.name, view.change.spec, view.change.base] for view in self.changes]
        return content_digest(said)[:16]

    @property
    def conflicts(self) -> tuple[ChangeView, ...]:
        return self._at(Standing.CONFLICT) if self.draft.is_open else ()

    @property
    def due(self) -> tuple[ChangeView, ...]:
        return self._at(Standing.DUE)

    def _at(self, wanted: Standing) -> tuple[ChangeView, ...]:
        return tuple(view for view in self.changes if view.standing is wanted)


def live_world() -> dict[str, Spec]:
    """The rules as they stand, the disabled ones too, and their settings."""
    rules = {rule.name: rule_spec(rule) for rule in Rule.objects.all()}
    counters = {counter_key(row.name): counter_spec(row) for row in RuleCounter.objects.all()}
    return {SETTINGS: {"default_timezone": default_timezone()}, **counters, **rules}


def draft_get(number: int) -> RuleDraft:
    """Raises 404 where there is none."""
    found = RuleDraft.objects.filter(pk=number).first()
    if found is None:
        raise not_found(f"there is no draft {number}")
    return found


def open_drafts() -> QuerySet[RuleDraft]:
    return RuleDraft.objects.filter(status=RuleDraft.Status.OPEN).order_by("-number")


def drafts_by_rule() -> dict[str, list[RuleDraft]]:
    """The open drafts that change a rule, by its name."""
    found: dict[str, list[RuleDraft]] = {}
    for change in RuleDraftChange.objects.filter(draft__in=open_drafts()).select_related("draft"):
        found.setdefault(change.name, []).append(change.draft)
    return found


def draft_view(draft: RuleDraft, lexicon: Lexicon = PLAIN) -> DraftView:
    """Two queries for the rules, however many; `lexicon` has the words for what differs."""
    changes = list(draft.changes.all())
    rows = {rule.name: rule for rule in Rule.objects.filter(name__in=[change.name for change in changes])}
    return DraftView(draft, tuple(_view(draft, change, rows, lexicon) for change in changes))


def _view(
    draft: RuleDraft, change: RuleDraftChange, rows: Mapping[str, Rule], lexicon: Lexicon
) -> ChangeView:
    row = rows.get(change.name)
    live = _live(change.name, row) if draft.is_open else change.base
    told = (row.source, row.edited_by, row.edited_at) if row else ("", "", None)
    stands = standing(change.spec, change.base, live)
    differs = difference(change.name, live, change.spec, lexicon)
    return ChangeView(change, live, stands, differs, *told, lexicon)


def _live(name: str, row: Rule | None) -> Spec | None:
    if name == SETTINGS:
        return {"default_timezone": default_timezone()}
    if name.startswith(COUNTER):
        counter = RuleCounter.objects.filter(name=name.removeprefix(COUNTER)).first()
        return counter_spec(counter) if counter else None
    return rule_spec(row) if row else None


def live_spec(name: str) -> Spec | None:
    return _live(name, Rule.objects.filter(name=name).first())


def draft_spec(draft: RuleDraft, name: str) -> Spec | None:
    """The rule as the draft has it: its own change, else the live one. None where it has none of that name."""
    change = draft.changes.filter(name=name).first()
    return change.spec if change else live_spec(name)


def draft_world(draft: RuleDraft) -> dict[str, Spec]:
    """The rules as they would stand with the draft published; of two sides of a conflict the draft's."""
    world = live_world()
    for change in draft.changes.all():
        if change.spec is None:
            world.pop(change.name, None)
        else:
            world[change.name] = change.spec
    return world


def draft_rule_set(draft: RuleDraft) -> RuleSet:
    """What the draft would decide by. Raises 422 naming every problem where it does not load."""
    return rules_of_content(content_of(draft_world(draft)), UNPUBLISHED)


def version_get(number: int) -> RuleSetVersion:
    """Raises 404 where there is none."""
    found = RuleSetVersion.objects.filter(pk=number).first()
    if found is None:
        raise not_found(f"there is no version {number}")
    return found


def version_rule_set(version: RuleSetVersion) -> RuleSet:
    """What the version decided by. Raises 422 where this release does not read it."""
    return rules_of_content(version.content, version.number)


def version_world(version: RuleSetVersion) -> dict[str, Spec]:
    rules = [*version.content["rules"], *(version.disabled or [])]
    return {
        SETTINGS: {"default_timezone": version.content["default_timezone"]},
        **{counter_key(spec["name"]): _declared(spec) for spec in version.content.get("counters", ())},
        **{spec["name"]: spec for spec in rules},
    }


def _declared(counter: Spec) -> Spec:
    return {name: value for name, value in counter.items() if name != SINCE}


def version_differences(
    before: RuleSetVersion | None, after: RuleSetVersion, lexicon: Lexicon = PLAIN
) -> list[Difference]:
    """What became of the rules between the two; of disabled rules only where both versions kept them."""
    if before is None:
        return differences({}, _only_settings_that_say_something(_whole_world(after)), lexicon)
    worlds = [_whole_world(version) for version in (before, after)]
    if before.disabled is None or after.disabled is None:
        worlds = [{name: spec for name, spec in world.items() if _is_on(spec)} for world in worlds]
    return differences(worlds[0], worlds[1], lexicon)


def _whole_world(version: RuleSetVersion) -> dict[str, Spec]:
    """With what no draft changes: the time intervals, and which actions may be muted."""
    intervals = {interval_key(spec): spec for spec in version.content.get(INTERVALS, ())}
    mutables = version.content.get(MUTING)
    setting = {MUTABLES: {MUTING: mutables}} if mutables else {}
    return {**version_world(version), **intervals, **setting}


def _only_settings_that_say_something(world: World) -> World:
    return {name: spec for name, spec in world.items() if name or spec["default_timezone"]}


def content_of(world: World) -> dict[str, Any]:
    """The world's enabled rules, as a version holds them; counters that are not declared so now count nothing yet."""
    rules = [spec for name, spec in world.items() if is_rule(name)]
    on = sorted((spec for spec in rules if _is_on(spec)), key=lambda spec: (spec["priority"], spec["name"]))
    content = {"default_timezone": world[SETTINGS]["default_timezone"], "rules": on}
    counters = [spec for name, spec in sorted(world.items()) if name.startswith(COUNTER)]
    off = [spec for spec in rules if not _is_on(spec)]
    return {**with_counters(content, counters, off, newest_content()), **muting_content()}


def _is_on(spec: Spec) -> bool:
    return bool(spec.get("enabled", True))
