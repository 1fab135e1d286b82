"""The API's own description, held against what the server really answers."""

from __future__ import annotations

import functools
import re
from typing import Any

from django.urls import Resolver404
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

# Statuses that Django or DRF answers for any path, described nowhere.
UNDESCRIBED = (405, 500)


@functools.lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return described


def path_of(route: str) -> str:
    """`v1/chains/<str:chain_id>` as the description spells it."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


@functools.lru_cache(maxsize=2000)
def validator(
    path: str, method: str, status: int, kind: str = "application/json"
) -> Draft202012Validator | None:
    """None where an empty body is described. Fails where the answer is not described at all."""
    operation = document()["paths"][path][method.lower()]
    response = operation["responses"].get(str(status))
    assert response is not None, f"{method} {path} answers {status}, which is not described"
    if "content" not in response:
        return None
    assert kind in response["content"], f"{method} {path} answers {kind}, which is not described"
    return validator_of(response["content"][kind]["schema"])


def validator_of(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": document()["components"], **schema})


def route_of(answer: Any) -> str:
    """The route that answered; empty where the URLconf has none."""
    try:
        return str(answer.resolver_match.route)
    except Resolver404:
        return ""


def check(method: str, answer: Any) -> None:
    """Fail where this answer is not as described."""
    path = path_of(route_of(answer))
    if method.lower() not in document()["paths"].get(path, {}) or answer.status_code in UNDESCRIBED:
        return
    found = validator(path, method, answer.status_code)
    if found is None:
        assert not answer.content
        return
    body = answer.json()
    problems = [f"{problem.json_path}: {problem.message}" for problem in found.iter_errors(body)]
    assert not problems, f"{method} {path} {answer.status_code} is not as described: {problems[:3]}"
