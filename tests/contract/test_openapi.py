"""/api-doc/openapi.json and /swagger-ui/: complete, valid, and true."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from acteon_site.http import openapi_document
from orders_app.contract.outcomes import TRAIL_NAMES
from tests.contract.described import document, path_of, validator_of
from tests.contract.routes import endpoints
from tests.threads import at_once

METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield method.upper(), path, methods[method]


def test_it_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_every_endpoint_is_described_and_nothing_else_is() -> None:
    described = {(method, path) for method, path, _ in operations()}
    assert described == {(method, path_of(route)) for method, route in endpoints()}


def test_it_is_served_as_openapi_3_1_to_everybody() -> None:
    answer = APIClient().get("/api-doc/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/")
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["paths"].keys() == document()["paths"].keys()


def test_it_is_made_once_and_who_has_it_already_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    first = APIClient().get("/openapi.json")
    monkeypatch.setattr(
        SchemaGenerator, "get_schema", None
    )  # a stranger's request must not cost as much again
    assert APIClient().get("/api-doc/openapi.json").content == first.content
    assert "max-age" in first.headers["Cache-Control"]
    again = APIClient().get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = APIClient().get("/openapi.json", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_strangers_who_ask_for_it_at_once_have_it_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    get_schema = SchemaGenerator.get_schema
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *a, **k: made.append(1) or get_schema(*a, **k))
    openapi_document.described.replace()
    answers = at_once([lambda: APIClient().get("/openapi.json").content] * 5)
    assert len(set(answers)) == 1
    assert made == [1]


def test_every_operation_says_what_it_is_and_how_to_sign_in() -> None:
    seen = set()
    for method, path, operation in operations():
        assert operation["summary"], (method, path)
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        statuses = set(operation["responses"])
        assert ("401" in statuses) or not operation.get("security"), (method, path)
        assert {"400", "503"} <= statuses, (method, path)
        if "requestBody" in operation:
            assert {"413", "415"} <= statuses, (method, path)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "request", operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for status, response in operation["responses"].items():
        yield status, response.get("content", {}).get("application/json", {})


def test_every_answer_and_every_body_has_an_example_that_fits() -> None:
    for method, path, operation in operations():
        for what, content in contents(operation):
            if not content:
                continue
            examples = content.get("examples", {})
            is_refusal_of_a_stream = path.startswith(("/v1/stream", "/v1/subscribe"))
            assert examples or is_refusal_of_a_stream or what in ("409", "503"), (method, path, what)
            for name, example in examples.items():
                problems = [
                    error.message for error in validator_of(content["schema"]).iter_errors(example["value"])
                ]
                assert not problems, (method, path, what, name, problems)


def test_every_outcome_has_an_example() -> None:
    examples = document()["paths"]["/v1/dispatch"]["post"]["responses"]["200"]["content"]["application/json"][
        "examples"
    ]
    assert set(examples) == set(TRAIL_NAMES)


@pytest.mark.parametrize("name", ["Error", "AuditRecord", "Chain", "Order", "Quota"])
def test_answers_are_closed(name: str) -> None:
    assert document()["components"]["schemas"][name]["additionalProperties"] is False


def test_the_swagger_page_asks_no_other_host() -> None:
    client = APIClient()
    page = client.get("/swagger-ui/").content.decode()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    assert "//" not in "".join(links)
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
    script = client.get("/swagger-ui/?script=").content.decode()
    assert json.loads(re.findall(r'^ +url: (".+"),$', script, re.M)[0]) == "/api-doc/openapi.json"


def test_it_is_also_where_the_clients_look_for_it() -> None:
    assert APIClient().get("/openapi.json").json() == APIClient().get("/api-doc/openapi.json").json()
