"""Saving and deleting templates and profiles, checked."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, conflict, invalid_fields
from acteon_site.base.names import SHORT_LENGTH, name_problem
from orders_app.models import Template, TemplateProfile
from orders_app.sandbox.rendering import RenderError, check_template

T = TypeVar("T", Template, TemplateProfile)


def template_problems(name: Any, content: Any) -> list[FieldProblem]:
    problems = _name_problems(name)
    if not isinstance(content, str):
        return [*problems, FieldProblem("content", "is required (text)")]
    try:
        check_template(content)
    except RenderError as error:
        problems.append(FieldProblem("content", f"is no template: {error}"))
    return problems


def _name_problems(name: Any) -> list[FieldProblem]:
    problem = name_problem(name, longest=SHORT_LENGTH)
    return [FieldProblem("name", problem)] if problem else []


def profile_problems(name: Any, fields: Any, known: set[str]) -> list[FieldProblem]:
    problems = _name_problems(name)
    if not isinstance(fields, dict) or not fields:
        return [*problems, FieldProblem("fields", "must be an object: payload fields and their texts")]
    for field, value in fields.items():
        if problem := name_problem(field):
            problems.append(FieldProblem("fields", f"the name {field!r} {problem}"))
        problems += _value_problems(f"fields.{field}", value, known)
    return problems


def _value_problems(where: str, value: Any, known: set[str]) -> list[FieldProblem]:
    if isinstance(value, dict) and set(value) == {"$ref"}:
        if value["$ref"] in tuple(known):
            return []
        return [FieldProblem(where, f"refers to a template that does not exist: {value['$ref']!r}")]
    text = value.get("inline") if isinstance(value, dict) and set(value) == {"inline"} else value
    if not isinstance(text, str):
        return [FieldProblem(where, 'must be text, {"inline": text} or {"$ref": template name}')]
    try:
        check_template(text)
    except RenderError as error:
        return [FieldProblem(where, f"is no template: {error}")]
    return []


def template_save(template: Template) -> Template:
    """Raises 422 with every problem, 409 where the name is taken."""
    _refuse(template_problems(template.name, template.content))
    return _saved(template)


def profile_save(profile: TemplateProfile) -> TemplateProfile:
    """Raises 422 with every problem, 409 where the name is taken."""
    known = Template.objects.filter(namespace=profile.namespace, tenant=profile.tenant).values_list(
        "name", flat=True
    )
    _refuse(profile_problems(profile.name, profile.fields, set(known)))
    return _saved(profile)


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise invalid_fields(problems)


def _saved(row: T) -> T:
    try:
        with transaction.atomic():
            row.save()
            config_versions.touch(config_versions.TEMPLATES)
    except IntegrityError:
        raise conflict(f"{row.name!r} exists already in {row.namespace}/{row.tenant}") from None
    return row


def template_delete(template: Template) -> None:
    """Raises 409 while a profile refers to it."""
    with transaction.atomic():
        profiles = TemplateProfile.objects.filter(namespace=template.namespace, tenant=template.tenant)
        users = [row.name for row in profiles if {"$ref": template.name} in row.fields.values()]
        if users:
            raise conflict(f"profiles refer to it: {', '.join(sorted(users))}")
        template.delete()
        config_versions.touch(config_versions.TEMPLATES)


def profile_delete(profile: TemplateProfile) -> None:
    with transaction.atomic():
        profile.delete()
        config_versions.touch(config_versions.TEMPLATES)
