"""How approvals are worked off: the reasons to choose from, points of risk, reminders, escalation. Pure.

A policy is data (docs/configuration.md); what it leaves out is as in DEFAULT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem

FORMATS = ("plain", "slack", "teams")
LONGEST_REASON = 200
MOST = 50
CENTURY = 100 * 366 * 86_400
MOST_POINTS = 100
# Each sign of risk, and what may be said of it beside its points.
SIGNS: Mapping[str, str] = {
    "unusual_value": "times",
    "first_order": "",
    "many_today": "orders",
    "country_differs": "",
    "refused_before": "",
}
DEFAULT_RISK: Mapping[str, Mapping[str, int]] = {
    "unusual_value": {"points": 30, "times": 3},
    "first_order": {"points": 15},
    "many_today": {"points": 25, "orders": 3},
    "country_differs": {"points": 20},
    "refused_before": {"points": 20},
}
# Dotted paths into a payload; the first that has a value counts.
DEFAULT_TIES: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer_id", "customer.id"),
    "email": ("customer_email", "email", "customer.email", "billing_email"),
    "card": ("card_fingerprint", "card.fingerprint", "payment.card_fingerprint", "card_number"),
    "address": ("shipping_address", "shipping.address", "customer.address"),
}
COUNTRIES = (("shipping_country", "shipping.country"), ("billing_country", "billing.country", "card_country"))


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is told so long before an approval expires."""

    before_seconds: int
    provider: str = ""
    format: str = "plain"
    group: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`notices` are reminders and the escalation (which names a group), the earliest first."""

    name: str = ""
    namespace: str = "*"
    tenant: str = "*"
    reasons: tuple[str, ...] = ()
    reason_required: bool = False
    risk: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: DEFAULT_RISK)
    ties: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_TIES)
    notices: tuple[Notice, ...] = ()
    key_holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def closeness(self, namespace: str, tenant: str) -> int | None:
        """How specifically it is about them (higher is closer), or None."""
        if self.namespace not in ("*", namespace) or self.tenant not in ("*", tenant):
            return None
        return 2 * (self.tenant == tenant) + (self.namespace == namespace)

    def reason_problem(self, reason: str) -> str | None:
        """What is wrong with the reason of a rejection, if anything."""
        if not reason:
            return "is required for a rejection; choose one" if self.reason_required else None
        if self.reasons and reason not in self.reasons:
            return f"must be one of: {'; '.join(self.reasons)}"
        return None

    def placed_by(self, caller_id: str, person: str) -> bool:
        """Whether this person placed what the caller submitted: signed in, or with a key that they hold."""
        kind, _, name = caller_id.partition(":")
        return name == person if kind == "user" else person in self.key_holders.get(name, ())


DEFAULT = Policy()


def policy_of(spec: Mapping[str, Any]) -> Policy:
    """Of a spec without problems."""
    notices = [Notice(**one) for one in spec.get("reminders") or ()]
    if spec.get("escalation"):
        notices.append(Notice(**spec["escalation"]))
    return Policy(
        name=spec["name"],
        namespace=spec.get("namespace", "*"),
        tenant=spec.get("tenant", "*"),
        reasons=tuple(spec.get("reasons") or ()),
        reason_required=bool(spec.get("reason_required", False)),
        risk={**DEFAULT_RISK, **(spec.get("risk") or {})},
        ties={
            **DEFAULT_TIES,
            **{kind: tuple(paths) for kind, paths in (spec.get("ties") or {}).items()},
        },
        notices=tuple(sorted(notices, key=lambda one: -one.before_seconds)),
        key_holders={key: tuple(people) for key, people in (spec.get("key_holders") or {}).items()},
    )


def policy_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    """What is wrong with the structured parts of a spec."""
    return [
        *_reasons(spec.get("reasons") or []),
        *_risk(spec.get("risk") or {}),
        *_lists("ties", spec.get("ties") or {}, tuple(DEFAULT_TIES)),
        *_notices(spec.get("reminders") or [], spec.get("escalation") or {}),
        *_lists("key_holders", spec.get("key_holders") or {}),
    ]


def _reasons(reasons: Any) -> Iterator[FieldProblem]:
    if not isinstance(reasons, list) or len(reasons) > MOST:
        yield FieldProblem("reasons", f"must be a list of at most {MOST} texts")
        return
    for at, reason in enumerate(reasons):
        fits = isinstance(reason, str) and reason.strip() == reason and 0 < len(reason) <= LONGEST_REASON
        if not fits or not reason.isprintable():
            yield FieldProblem(
                f"reasons[{at}]", f"must be one line of text, at most {LONGEST_REASON} characters"
            )


def _risk(risk: Any) -> Iterator[FieldProblem]:
    if not isinstance(risk, Mapping):
        yield FieldProblem("risk", "must be an object with points for each sign")
        return
    for sign, terms in risk.items():
        if sign not in SIGNS:
            yield FieldProblem(f"risk.{sign}", f"is no sign of risk; known are {', '.join(SIGNS)}")
        elif not isinstance(terms, Mapping) or "points" not in terms:
            yield FieldProblem(f"risk.{sign}", "must be an object with points, such as {points: 20}")
        else:
            yield from _terms(sign, terms)


def _terms(sign: str, terms: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name, value in terms.items():
        if name not in ("points", SIGNS[sign]) or not name:
            yield FieldProblem(f"risk.{sign}.{name}", "is unknown")
        elif problem := _whole(value, 0 if name == "points" else 1, MOST_POINTS):
            yield FieldProblem(f"risk.{sign}.{name}", problem)
    if (extra := SIGNS[sign]) and extra not in terms:
        yield FieldProblem(f"risk.{sign}.{extra}", "is required (a whole number)")


def _notices(reminders: Any, escalation: Any) -> Iterator[FieldProblem]:
    if not isinstance(reminders, list) or len(reminders) > MOST:
        yield FieldProblem("reminders", f"must be a list of at most {MOST} objects")
        return
    for at, reminder in enumerate(reminders):
        yield from _notice(f"reminders[{at}]", reminder, ("before_seconds", "provider"), ("format",))
    if escalation:
        yield from _notice("escalation", escalation, ("before_seconds", "group"), ("provider", "format"))


def _notice(path: str, notice: Any, needed: Sequence[str], known: Sequence[str]) -> Iterator[FieldProblem]:
    if not isinstance(notice, Mapping):
        yield FieldProblem(path, f"must be an object with {', '.join(needed)}")
        return
    for name in needed:
        if name not in notice:
            yield FieldProblem(f"{path}.{name}", "is required")
    for name, value in notice.items():
        if problem := _notice_problem(name, value, (*needed, *known)):
            yield FieldProblem(f"{path}.{name}", problem)


def _notice_problem(name: str, value: Any, known: Sequence[str]) -> str | None:
    if name not in known:
        return f"is unknown; known are {', '.join(known)}"
    if name == "before_seconds":
        return _whole(value, 1, CENTURY)
    if name == "format":
        return None if value in FORMATS else f"must be one of {', '.join(FORMATS)}"
    return name_problem(value, longest=150)


def _lists(path: str, value: Any, known: Sequence[str] = ()) -> Iterator[FieldProblem]:
    if not isinstance(value, Mapping) or len(value) > MOST:
        yield FieldProblem(path, f"must be an object of at most {MOST} lists of texts")
        return
    for name, texts in value.items():
        if known and name not in known:
            yield FieldProblem(f"{path}.{name}", f"is unknown; known are {', '.join(known)}")
        elif not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
            yield FieldProblem(f"{path}.{name}", "must be a list of texts")


def _whole(value: Any, low: int, high: int) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return None if fits else f"must be a whole number from {low} to {high}"
