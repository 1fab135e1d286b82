"""One past dispatch: what the trail says it came to, how other rules decide it, and what it would have come to."""

from __future__ import annotations

from typing import NamedTuple

from rules_app.engine.counters import MICROSECONDS

Token = tuple[str, ...]

# Why it is not known what would have become of a dispatch.
GONE = "original_gone"
UNREADABLE = "original_unreadable"
UNCOUNTED = "counter_not_recorded"
EARLIER = "rests_on_an_earlier_one"
# A dispatch would refuse the payload (422), which leaves no outcome in the trail.
INVALID = "invalid"

REPEAT, DEDUP_KEY, LIVING_ORDER = "repeat", "dedup_key", "living_order"
REFUSING = frozenset({"deny", "suppress"})
SILENCED, MUTED = "silenced", "muted"
HELD = {"request_approval": "pending_approval", "schedule": "scheduled"}
EXECUTED = {"allow": "executed", "reroute": "rerouted", "chain": "chain_started", "group": "grouped"}
ACCEPTED = frozenset({*HELD.values(), *EXECUTED.values(), "failed"})


class Judged(NamedTuple):
    """What the rules say of an action as it came, at its time; no gate is asked yet.

    `verdict` is a terminal rule's type, `allow`, `failed` or INVALID. `key` and `name` are what tells it from others:
    its dedup key and its order's name. `alike`: the same verdict and target as recorded. `same_gates` are those of
    `gates` that are set as they were then. `otherwise`: in what the same verdict differs (payload, terms). `lived`: the
    outcome that a living order of that name would have led to; only where the trail does not tell. `key_rule_then`: the
    deduplicate rule that applied then. `muted_by`: the rule whose time intervals keep it from being sent.
    """

    verdict: str
    rule: str
    gates: tuple[str, ...] = ()
    key: Token | None = None
    name: Token | None = None
    alike: bool = False
    same_gates: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    lived: str = ""
    key_rule_then: str = ""
    muted_by: str = ""


class Past(NamedTuple):
    """A dispatch on the trail. `at` is the gates' clock (microseconds); `repeat` why it was refused as one.

    `called_nobody`: it failed before any call. `before`: it came before the range, and only fills the gates; a `replay`
    by hand is decided and not counted either. `judged` is None where `lost` says why.
    """

    record: str
    row: str
    namespace: str
    tenant: str
    action_type: str
    action_id: str
    at: int
    outcome: str
    verdict: str
    rule: str
    version: int
    gates: tuple[str, ...] = ()
    repeat: str = ""
    called_nobody: bool = False
    before: bool = False
    replay: bool = False
    amount: int | None = None
    currency: str = ""
    judged: Judged | None = None
    lost: str = ""

    @property
    def counted(self) -> bool:
        return not (self.before or self.replay)

    @property
    def reached_gates(self) -> bool:
        """The rules did not refuse it and nothing muted it, so it was asked whether it is a repeat."""
        sent = self.outcome not in (SILENCED, MUTED)
        return sent and self.verdict not in REFUSING and self.verdict != "failed"

    @property
    def no_repeat(self) -> bool:
        return self.reached_gates and not self.repeat

    @property
    def accepted(self) -> bool:
        """It was held or executed, anew."""
        return self.no_repeat and self.outcome in ACCEPTED and not self.called_nobody


class Would(NamedTuple):
    """What it would have come to. Where `unknown` gives a reason, nothing else is said.

    `answer_unknown`: a provider would have been called that was not; what it would have answered nobody knows.
    """

    outcome: str
    rule: str = ""
    accepted: bool = False
    unknown: str = ""
    answer_unknown: bool = False


def seconds(count: int) -> int:
    return count * MICROSECONDS
