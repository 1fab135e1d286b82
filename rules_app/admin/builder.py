"""What the rule builder in the browser asks: what there is to build from, and what is wrong with what is typed."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from acteon_site.admin.scoped import narrowed, reader_of, sees_everything
from acteon_site.admin.structured_field import read_structure, write_structure
from acteon_site.base.errors import FieldProblem
from acteon_site.base.money import DECIMALS
from acteon_site.base.principals import Principal
from rules_app.checking.counters import counter_problems
from rules_app.engine import ACTIONS, parse_rule
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.operators.registry import AGAINST_FIELDS, OPERATORS
from rules_app.engine.words import condition_in_words, rule_in_words
from rules_app.models import NamedList, RuleCounter
from rules_app.references import NAMES
from rules_app.selectors import parse_counters
from rules_app.services.vocabulary import known_fields, lexicon_now
from rules_app.specs import counter_spec

PARTS = ("condition", "action")
MOST_EXACT = 2**53 - 1


def builder_view(page: ModelAdmin[Any], request: HttpRequest) -> HttpResponseBase:
    """GET: the fields, operators and actions. POST, with the texts of a form: what they say, and their problems."""
    if not (page.has_change_permission(request) or page.has_add_permission(request)):
        raise PermissionDenied
    if request.method == "POST":
        return JsonResponse(judged(request.POST.dict()))
    with_examples = request.user.has_perm("audit_app.view_auditrecord") and sees_everything(request)
    return JsonResponse(materials(reader_of(request), with_examples=with_examples))


def materials(reader: Principal, *, with_examples: bool) -> dict[str, Any]:
    """What a rule may be built of, as far as this person may know of it."""
    lexicon = lexicon_now()
    return {
        "fields": [field.as_dict() for field in known_fields(with_examples=with_examples)],
        "operators": [
            {
                "name": name,
                "words": one.words,
                "kinds": sorted(one.kinds),
                "takes": one.takes,
                "compares": name in AGAINST_FIELDS,
            }
            for name, one in OPERATORS.items()
            if name == one.name
        ],
        "actions": [{"type": name, "settings": _settings(one)} for name, one in ACTIONS.items()],
        "names": _names(reader),
        "currencies": [
            [*shop, sorted(codes)] for shop, codes in lexicon.currencies.items() if reader.knows(*shop)
        ],
        "decimals": dict(DECIMALS),
    }


def _names(reader: Principal) -> dict[str, list[str]]:
    names = {section: list(hook.call()) for section, hook in NAMES.items()}
    if not reader.is_global:  # lists belong to tenants; a chain, whose name tells of one, to none
        names["chains"] = []
        own = narrowed(NamedList.objects.all(), reader, shared=True)
        names["lists"] = sorted(set(own.values_list("name", flat=True)))
    return names


def judged(texts: dict[str, str]) -> dict[str, Any]:
    """Of each part its object, the same as YAML, and its problems by path; and the rule as a sentence.

    `texts` are the form's. Read and checked as the form reads and checks them when it is saved.
    """
    spec: dict[str, Any] = {"name": "rule"}
    problems: list[dict[str, str]] = []
    for part in [one for one in PARTS if texts.get(one, "").strip()]:
        try:
            spec[part] = read_structure(texts[part])
        except ValidationError as error:
            problems += [{"field": part, "message": message} for message in error.messages]
    scope = {name: texts[name] for name in ("namespace", "tenant") if texts.get(name)}
    found = parse_rule(spec | scope)[1] or _counter_problems(spec)
    problems += [one.as_dict() for one in found if one.field not in PARTS or one.field in spec]
    yaml = {part: write_structure(spec[part]) for part in PARTS if part in spec}
    data = {part: spec.get(part) for part in PARTS}
    for part in [one for one in PARTS if not _kept_by_browsers(data[one])]:
        data[part] = None
        problems.append(
            {"field": part, "message": "has a number that is too long for rows: keep to the text"}
        )
    return {"data": data, "yaml": yaml, "problems": problems, "words": _words(spec | scope)}


def _counter_problems(spec: dict[str, Any]) -> list[FieldProblem]:
    """Counters that nobody declares, or that do not count as far."""
    rule, _ = parse_rule(spec)
    if rule is None or not rule.counters:
        return []
    counters, _ = parse_counters(map(counter_spec, RuleCounter.objects.all()), "UTC")
    return list(counter_problems(rule, counters))


def _kept_by_browsers(value: Any) -> bool:
    """JavaScript reads whole numbers beyond this as others near by."""
    if isinstance(value, dict):
        return all(map(_kept_by_browsers, value.values()))
    if isinstance(value, list):
        return all(map(_kept_by_browsers, value))
    return not isinstance(value, int) or abs(value) <= MOST_EXACT


def _words(spec: dict[str, Any]) -> str:
    """The rule as a sentence; its condition alone while nothing right is said of the action."""
    rule, _ = parse_rule(spec)
    if rule:
        return rule_in_words(rule, lexicon_now())
    condition, _ = parse_rule(spec | {"action": {"type": "allow"}})
    return f"When {condition_in_words(condition, lexicon_now())}: …" if condition else ""


def _settings(action: type[RuleAction]) -> list[dict[str, Any]]:
    settings = action.settings()
    return [
        {
            "name": field.name,
            "kind": settings[field.name].kind,
            "section": settings[field.name].section,
            "default": None if field.default is MISSING else field.default,
        }
        for field in fields(action)
    ]
