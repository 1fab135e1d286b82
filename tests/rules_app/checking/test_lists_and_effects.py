"""The check and the tests of rules, with named lists and with rules for a time: never a false alarm."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rules_app.checking import Names, Question, check_rules
from rules_app.config_kinds.rule_tests import run_tests
from rules_app.engine import parse_rule
from rules_app.engine.concerned import FIELDS
from rules_app.engine.intervals import Intervals, parse_interval
from tests.rules_app.checking.test_findings import ALLOW, BIG, DENY, KOREA, NOW, every, found, ids, p, r
from tests.rules_app.shop import order, rule_of, rule_set

LISTED = p("shipping_country", in_named_list="sanctioned")
UNLISTED = p("shipping_country", not_in_named_list="sanctioned")
OVER = {"effective_until": "2026-11-01"}
TO_COME = {"effective_from": "2027-01-01"}


def test_what_a_list_holds_is_not_guessed() -> None:
    """Of all these the same rules with in_list would be told to be unreachable, or to be walked past."""
    assert ids(r("a", every(LISTED), DENY, priority=1), r("b", every(KOREA), ALLOW, priority=2)) == []
    assert ids(r("a", every(UNLISTED), ALLOW, priority=1), r("b", every(LISTED), DENY, priority=2)) == []
    listed, big = r("0", every(LISTED), DENY, priority=0), r("a", every(BIG), ALLOW, priority=1)
    guarded = [listed, big, r("b", every(KOREA), DENY, priority=2)]
    assert "deny-walked-past" not in ids(*guarded)
    assert "deny-walked-past" in ids(*guarded[1:])


def test_that_the_operators_are_opposites_is_known() -> None:
    assert ids(r("a", every(LISTED, UNLISTED), DENY)) == ["never-holds"]
    assert ids(r("a", {"any": [LISTED, UNLISTED]}, DENY), catch_all=False) == ["always-holds"]
    other = p("shipping_country", not_in_named_list="another")
    assert ids(r("a", every(LISTED, other), DENY)) == []
    assert ids(r("a", every(LISTED), DENY, priority=1), r("b", every(LISTED), DENY, priority=2)) == [
        "unreachable"
    ]


def test_a_list_that_does_not_exist_is_named_where_lists_are_known() -> None:
    (told,) = found(r("a", every(LISTED), DENY), names=Names(lists=frozenset(("sanctioned-countries",))))
    assert (told.id, told.field) == ("unknown-name", "condition.all[1].in_named_list")
    assert "no list is called sanctioned, did you mean sanctioned-countries?" in told.message
    assert found(r("a", every(LISTED), DENY), names=Names(lists=frozenset(("sanctioned",)))) == []


def test_a_rule_that_names_a_list_is_concerned_with_whatever_it_does_not_exclude() -> None:
    rules = rule_set(rule_of(condition={"field": "action.tenant", "in_named_list": "vip"}, action=DENY))
    assert len(FIELDS) == 4
    assert [rule.name for rule in rules.concerned.of(order(tenant="anybody"))] == ["a-rule"]


@pytest.mark.parametrize("time", [OVER, TO_COME, {**OVER, "effective_from": "2026-01-01"}])
def test_a_rule_for_a_time_takes_nothing_from_those_below(time: dict[str, Any]) -> None:
    below = r("b", every(KOREA), DENY, priority=2)
    assert ids(r("a", every(), DENY, priority=1), below) == ["unreachable"]
    assert "unreachable" not in ids(r("a", every(), DENY, priority=1, **time), below)
    gate = r("c", every(), {"type": "deduplicate", "ttl_seconds": 60}, priority=1)
    assert "gate-without-effect" in ids(gate, r("d", every(), DENY, priority=2))
    assert "gate-without-effect" not in ids(gate, r("d", every(), DENY, priority=2, **time))


def test_a_rule_whose_time_is_over_is_told_and_one_whose_time_is_not_is_not() -> None:
    (told,) = found(r("a", every(KOREA), DENY, **OVER))
    assert (told.id, told.field) == ("rule-ended", "effective_until")
    assert "in effect until 2026-11-01" in told.message
    assert ids(r("a", every(KOREA), DENY, effective_until=f"{datetime(NOW.year + 1, 1, 1):%Y-%m-%d}")) == []
    assert ids(r("a", every(KOREA), DENY, enabled=False, **OVER)) == []


RULES = """
lists:
  - {name: trusted, matching: folded, entries: ["Gold"]}
rules:
  - name: deny-blocked
    priority: 1
    effective_from: "2026-03-01"
    condition: {field: action.payload.email, in_named_list: blocked}
    action: {type: deny}
  - name: allow-trusted
    priority: 2
    condition: {field: action.payload.tier, in_named_list: trusted}
    action: {type: allow}
rule_tests:
  defaults: {namespace: n, tenant: t, provider: p, action_type: buy, payload: {email: "eve@example.com", tier: gold}}
  lists: {blocked: ["eve@example.com"]}
  tests:
    - name: who is blocked is refused
      at: "2026-03-10T11:00:00Z"
      expect: {outcome: Suppressed, rule: deny-blocked}
    - name: before March nobody was
      at: "2026-02-28T23:59:59Z"
      expect: {outcome: Executed, rule: allow-trusted}
    - name: nor who is on no list
      at: "2026-03-10T11:00:00Z"
      lists: {blocked: [], trusted: []}
      expect: {outcome: Executed, rule: null}
"""


def report_of(tmp_path: Path, text: str, *, live: bool = False) -> Any:
    (tmp_path / "rules.yaml").write_text(text)
    return run_tests([tmp_path], live=live)


def test_tests_ask_what_files_hold_and_what_they_state_by_their_own_clock(tmp_path: Path) -> None:
    tested = report_of(tmp_path, RULES)
    assert tested.problems == []
    assert [result.failures for result in tested.report.results] == [(), (), ()]
    assert tested.report.coverage.percent == 100


def test_a_list_of_which_nothing_is_stated_is_told(tmp_path: Path) -> None:
    (problem,) = report_of(tmp_path, RULES.replace("  lists: {blocked", "  # {blocked")).problems
    assert "names the list 'blocked', which the files do not hold" in problem.message
    (wrong,) = report_of(tmp_path, RULES.replace("{blocked: [], trusted: []}", "{blocked: 5}")).problems
    assert wrong.message.startswith("must be a list of texts")


def _intervals(**ranges: dict[str, Any]) -> Intervals:
    specs = [{"name": name, "time_ranges": [one]} for name, one in ranges.items()]
    return Intervals({one.identity: one for spec in specs if (one := parse_interval(spec)[0])})


def test_a_rule_that_its_intervals_let_send_nothing_is_told_and_one_that_they_keep_from_nothing() -> None:
    held = _intervals(
        always={}, nights={"times": [{"start": "22:00", "end": "24:00"}]}, past={"years": [1999]}
    )

    def told(**keys: list[str]) -> list[str]:
        rule = parse_rule({**r("a", every(KOREA), ALLOW), **keys})[0]
        assert rule is not None
        question = Question([rule], NOW, intervals=held)
        return [one.id for one in check_rules(question) if "mute" in one.id]

    assert told(mute_time_intervals=["nights"]) == told(active_time_intervals=["nights"]) == []
    assert told(mute_time_intervals=["nights", "always"]) == ["muted-always"]
    assert told(active_time_intervals=["past"]) == ["muted-always"]
    assert told(active_time_intervals=["past", "nights"]) == []
    assert told(mute_time_intervals=["past"]) == ["mute-without-effect"]
    assert told(active_time_intervals=["always"]) == ["mute-without-effect"]
