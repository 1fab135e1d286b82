"""What a lifecycle says of money: which payload field is charged, and which a refund gives back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.money import DECIMALS
from acteon_site.base.names import SHORT_LENGTH
from orders_app.lifecycles.fields import FieldSpec, suggestion

# Whole numbers up to here are exact in every client, and their sums fit into the database's integers.
HIGHEST = 10**15
CHARGE_KEYS = ("amount", "currency", "step")
REFUND_KEYS = ("of", "amount", "currency", "step")


@dataclass(frozen=True, slots=True)
class Charges:
    """`amount` and `currency` are payload fields. The amount is charged once the chain's step of that name is
    completed, until it is compensated; without a step, once the whole run is."""

    amount: str
    currency: str = ""
    step: str = ""

    def amount_in(self, payload: Mapping[str, Any]) -> int:
        """0 where there is none."""
        value = payload.get(self.amount)
        return value if type(value) is int and 0 <= value <= HIGHEST else 0

    def currency_in(self, payload: Mapping[str, Any]) -> str:
        return _currency(payload, self.currency)


@dataclass(frozen=True, slots=True)
class Refunds:
    """`of` is the payload field that names the order which was charged; the rest as of charges."""

    of: str
    amount: str
    currency: str = ""
    step: str = ""

    def amount_in(self, payload: Mapping[str, Any]) -> int:
        value = payload.get(self.amount)
        return value if type(value) is int else 0

    def of_in(self, payload: Mapping[str, Any]) -> str:
        value = payload.get(self.of)
        return value if isinstance(value, str) else ""

    def currency_in(self, payload: Mapping[str, Any]) -> str:
        return _currency(payload, self.currency)


def _currency(payload: Mapping[str, Any], name: str) -> str:
    """Its code; empty where none is given, or what was stored before the field had its type is none."""
    value = payload.get(name) if name else None
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if code in DECIMALS else ""


def parse_charging(
    spec: Mapping[str, Any], fields: Iterable[FieldSpec]
) -> tuple[Charges | None, Refunds | None, list[FieldProblem]]:
    """What `charges` and `refunds` of a lifecycle's spec say, or what is wrong with them."""
    by_name = {field.name: field for field in fields}
    given = {name: spec.get(name) or {} for name in ("charges", "refunds")}
    problems = [
        *_shape("charges", given["charges"], CHARGE_KEYS),
        *_shape("refunds", given["refunds"], REFUND_KEYS),
    ]
    if problems:
        return None, None, problems
    problems += _amount_problems("charges", given["charges"], by_name, least=0)
    problems += _amount_problems("refunds", given["refunds"], by_name, least=1)
    problems += _of_problems(given["refunds"], by_name, spec.get("fingerprint_field", ""))
    if given["charges"] and given["refunds"]:
        problems.append(
            FieldProblem("refunds", "a refund is no charge: leave one of charges and refunds out")
        )
    if problems:
        return None, None, problems
    charges = Charges(**given["charges"]) if given["charges"] else None
    return charges, Refunds(**given["refunds"]) if given["refunds"] else None, []


def _shape(where: str, given: Any, keys: tuple[str, ...]) -> list[FieldProblem]:
    if not isinstance(given, Mapping):
        return [FieldProblem(where, f"must be an object with {', '.join(keys)}")]
    problems = [
        FieldProblem(f"{where}.{key}", f"is unknown{suggestion(str(key), keys)}")
        for key in given
        if key not in keys
    ]
    for key in keys:
        value = given.get(key, "")
        if not isinstance(value, str) or len(value) > SHORT_LENGTH:
            problems.append(
                FieldProblem(f"{where}.{key}", f"must be text of at most {SHORT_LENGTH} characters")
            )
        elif given and not value and key in ("of", "amount"):
            problems.append(FieldProblem(f"{where}.{key}", "is required: the name of a payload field"))
    return problems


def _amount_problems(
    where: str, given: Mapping[str, Any], fields: Mapping[str, FieldSpec], *, least: int
) -> list[FieldProblem]:
    """Sums are exact only where what is added up is typed."""
    if not given:
        return []
    problems = []
    amount, currency = fields.get(given["amount"]), given.get("currency", "")
    if amount is None or amount.type != "integer" or not amount.required:
        problems.append(
            FieldProblem(f"{where}.amount", _needs(given["amount"], "required: true, of type integer"))
        )
    elif amount.min is None or amount.min < least or amount.max is None or amount.max > HIGHEST:
        limits = f"a min of at least {least} and a max of at most {HIGHEST}"
        problems.append(FieldProblem(f"{where}.amount", _needs(given["amount"], limits)))
    if currency and (currency not in fields or fields[currency].type != "currency"):
        problems.append(FieldProblem(f"{where}.currency", _needs(currency, "type currency")))
    return problems


def _of_problems(
    given: Mapping[str, Any], fields: Mapping[str, FieldSpec], fingerprint_field: str
) -> list[FieldProblem]:
    if not given:
        return []
    of = fields.get(given["of"])
    if of is None or of.type != "text" or not of.required:
        return [FieldProblem("refunds.of", _needs(given["of"], "required: true, of type text"))]
    if given["of"] == fingerprint_field:
        message = "names the order that is refunded; the refund needs a name of its own as fingerprint_field"
        return [FieldProblem("refunds.of", message)]
    return []


def _needs(name: str, what: str) -> str:
    return f"{name!r} must stand under fields, with {what}"
