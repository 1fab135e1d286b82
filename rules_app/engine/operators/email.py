"""`email_domain`, `email_domain_within`: where an e-mail address is; the second also in what lies below that domain.

Domains have no case, and one in letters of its own (bücher.example) is the one in ASCII (xn--bcher-kva.example).
"""

from __future__ import annotations

import re
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import TEXT, Test, TextOperator, several_texts_problem, texts_of

_LONGEST_ADDRESS, _LONGEST_DOMAIN = 320, 253
_DOMAIN = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


def domain_of(address: Any) -> str | None:
    """The domain of an e-mail address in ASCII and small letters, or None where it is no address."""
    if type(address) is not str or len(address) > _LONGEST_ADDRESS:
        return None
    person, at, domain = address.rpartition("@")
    return plain_domain(domain) if person and at else None


def plain_domain(text: str) -> str | None:
    domain = text.removesuffix(".").lower()
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return domain if len(domain) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(domain) else None


def _at(operand: Any) -> Test:
    domains = _domains(operand)
    return lambda value: domain_of(value) in domains


def _within(operand: Any) -> Test:
    domains = _domains(operand)

    def test(value: Any) -> bool:
        domain = domain_of(value) or ""
        while domain and domain not in domains:
            domain = domain.partition(".")[2]
        return bool(domain)

    return test


def _domains(operand: Any) -> frozenset[str | None]:
    return frozenset(plain_domain(text) for text in texts_of(operand))


def _problem(operand: Any, field: Field) -> str | None:
    problem = several_texts_problem(operand, field)
    if problem:
        return problem
    return next((_misread(text) for text in texts_of(operand) if plain_domain(text) is None), None)


def _misread(text: str) -> str:
    meant = plain_domain(text.rpartition("@")[2].removeprefix("*.").strip("."))
    hint = f", did you mean '{meant}'?" if meant else " such as 'example.com'"
    return f"'{text}' is no domain{hint}"


class _Addresses(TextOperator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return domain_of(value) is None

    def wanted(self, operand: Any) -> str:
        return "an e-mail address"


_KINDS = frozenset((TEXT,))
EMAIL_DOMAIN = _Addresses(
    "email_domain",
    "is an e-mail address at",
    "is an e-mail address at",
    _KINDS,
    _at,
    _problem,
    ("email_at", "domain"),
    "texts",
)
EMAIL_DOMAIN_WITHIN = _Addresses(
    "email_domain_within",
    "is an e-mail address at or below",
    "is an e-mail address at or below",
    _KINDS,
    _within,
    _problem,
    ("email_within", "email_domain_under", "subdomain_of"),
    "texts",
)
