"""/v1/chains/definitions: made, replaced, refused, kept while others refer to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import Shape, anything, listed

MADE_UP = "01890000-0000-7000-8000-000000000000"
NODE = Shape({"name": anything, "steps": listed(anything)}, {}, {})


SPEC: dict[str, Any] = {
    "name": "two-steps",
    "steps": [
        {
            "name": "a",
            "provider": "warehouse",
            "action_type": "x",
            "payload_template": {"id": "{{origin.payload.id}}"},
        },
        {"name": "b", "provider": "warehouse", "action_type": "y"},
    ],
    "on_failure": "abort",
    "timeout_seconds": 60,
}


def test_definitions_are_listed(client: Strict) -> None:
    found = client.get("/v1/chains/definitions", shapes.DEFINITIONS)
    by_name = {row["name"]: row for row in found["definitions"]}
    assert by_name["order-processing"]["has_branches"] is True
    assert by_name["order-processing"]["has_sub_chains"] is True
    assert by_name["fraud-review"]["steps_count"] == 3


def test_a_definition_is_made_replaced_read_and_removed(client: Strict) -> None:
    path = "/v1/chains/definitions/two-steps"
    made = client.put(path, shapes.DEFINITION, SPEC)
    assert made["version"] == 1
    assert client.get(path, shapes.DEFINITION) == made
    assert client.put(path, shapes.DEFINITION, {**SPEC, "timeout_seconds": 90})["version"] == 2
    client.delete(path)
    client.refused("GET", path, 404, "NOT_FOUND")
    client.refused("DELETE", path, 404, "NOT_FOUND")


def test_a_definition_that_others_refer_to_stays(client: Strict) -> None:
    client.refused("DELETE", "/v1/chains/definitions/fraud-review", 409)
    client.get("/v1/chains/definitions/fraud-review", shapes.DEFINITION)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": []},
        {"steps": None},
        {"steps": [{"name": "a"}]},
        {"steps": [{"name": "a", "provider": "nobody", "action_type": "x"}]},
        {"steps": [{"name": "a", "provider": "warehouse", "action_type": "x", "default_next": "nowhere"}]},
        {"steps": [{"name": "a", "sub_chain": "nobody"}]},
        {"steps": [SPEC["steps"][0], SPEC["steps"][0]]},
        {"timeout_seconds": 0},
        {"on_failure": "explode"},
        {"name": "another"},
    ],
)
def test_what_does_not_validate_is_not_saved(client: Strict, change: dict[str, Any]) -> None:
    path = "/v1/chains/definitions/two-steps"
    error = client.refused("PUT", path, 422, "VALIDATION", body={**SPEC, **change})
    assert error["details"]
    client.refused("GET", path, 404)


def test_unknown_keys_are_told_as_warnings(client: Strict) -> None:
    told = client.put("/v1/chains/definitions/two-steps", shapes.DEFINITION, {**SPEC, "zzz": 1})
    assert [warning["field"] for warning in told["warnings"]] == ["zzz"]
