"""/v1/chains/definitions as clients use it."""

from __future__ import annotations

import pytest

from chains_app.models import ChainDefinition
from tests.chains_app.shop import FRAUD_REVIEW, Caller, open_shop, order_processing

pytestmark = pytest.mark.django_db
PATH = "/v1/chains/definitions"


def test_the_list_summarises_every_chain() -> None:
    open_shop()
    answer = Caller("viewer", tenants=["acme"]).get(PATH).json()
    assert answer["count"] == 2
    assert answer["definitions"][1] == {
        "name": "order-processing",
        "steps_count": 5,
        "has_branches": True,
        "has_parallel": False,
        "has_sub_chains": True,
        "on_failure": "abort",
        "timeout_seconds": 120,
        "version": 1,
        "enabled": True,
    }
    assert Caller("viewer").get(f"{PATH}?limit=1&offset=1").json()["count"] == 1


def test_no_chains_are_an_empty_list() -> None:
    assert Caller().get(PATH).json() == {"definitions": [], "count": 0}


def test_a_definition_is_created_read_and_put_back_as_it_was_read() -> None:
    open_shop()
    caller = Caller()
    created = caller.put(f"{PATH}/review-2", {"steps": FRAUD_REVIEW["steps"]})
    assert (created.status_code, created.json()["version"]) == (200, 1)
    shown = caller.get(f"{PATH}/order-processing").json()
    assert shown["steps"][1]["provider"] == ""
    assert shown["steps"][1]["payload_template"] == {}
    assert shown["steps"][2]["branches"] == []
    again = caller.put(f"{PATH}/order-processing", shown)
    assert again.status_code == 200
    assert again.json() == shown
    shown["timeout_seconds"] = 30
    assert caller.put(f"{PATH}/order-processing", shown).json()["version"] == 2
    assert caller.get(f"{PATH}/order-processing").json()["timeout_seconds"] == 30


def test_unknown_keys_are_ignored_and_told() -> None:
    open_shop()
    answer = Caller().put(f"{PATH}/fraud-review", {**FRAUD_REVIEW, "colour": "red"})
    assert answer.status_code == 200
    assert answer.json()["warnings"][0]["field"] == "colour"
    assert "colour" not in Caller("viewer").get(f"{PATH}/fraud-review").json()


def test_what_does_not_validate_answers_422_with_every_field() -> None:
    open_shop()
    spec = order_processing(timeout_seconds="soon")
    spec["steps"][0]["branches"][0]["target"] = "chrge"
    answer = Caller().put(f"{PATH}/order-processing", spec)
    assert answer.status_code == 422
    body = answer.json()
    assert body["code"] == "VALIDATION"
    assert [detail["field"] for detail in body["details"]] == [
        "timeout_seconds",
        "steps[0].branches[0].target",
    ]
    assert Caller().put(f"{PATH}/other", {**FRAUD_REVIEW}).json()["details"][0]["field"] == "name"


@pytest.mark.parametrize("body", ["[]", '"x"', "null"])
def test_a_body_that_is_no_object_is_422(body: str) -> None:
    assert Caller().put(f"{PATH}/x", body).status_code == 422


def test_deleting_answers_204_404_and_409() -> None:
    open_shop()
    caller = Caller()
    assert caller.delete(f"{PATH}/fraud-review").status_code == 409
    answer = caller.delete(f"{PATH}/order-processing")
    assert (answer.status_code, answer.content) == (204, b"")
    assert caller.delete(f"{PATH}/order-processing").status_code == 404
    assert caller.get(f"{PATH}/order-processing").status_code == 404


def test_only_administrators_of_everything_change_chains() -> None:
    open_shop()
    for caller in (Caller("operator"), Caller("admin", tenants=["acme"])):
        assert caller.put(f"{PATH}/x", FRAUD_REVIEW).status_code == 403
        assert caller.delete(f"{PATH}/order-processing").status_code == 403
    assert ChainDefinition.objects.count() == 2


def test_the_dag_names_nodes_and_edges() -> None:
    open_shop()
    answer = Caller("viewer").get(f"{PATH}/order-processing/dag").json()
    assert answer["chain_name"] == "order-processing"
    assert answer["nodes"][0] == {
        "name": "validate",
        "node_type": "step",
        "provider": "payment-gateway",
        "action_type": "validate_order",
    }
    assert answer["nodes"][1] == {
        "name": "fraud-review-step",
        "node_type": "sub_chain",
        "sub_chain_name": "fraud-review",
        "children": {
            "chain_name": "fraud-review",
            "nodes": [
                {
                    "name": "analyze",
                    "node_type": "step",
                    "provider": "fraud-analyzer",
                    "action_type": "deep_scan",
                }
            ],
            "edges": [],
            "execution_path": [],
        },
    }
    edges = [(edge["source"], edge["target"], edge.get("label")) for edge in answer["edges"]]
    assert edges == [
        ("validate", "charge", "body.logged eq true"),
        ("validate", "fraud-review-step", "default"),
        ("fraud-review-step", "charge", None),
        ("charge", "fulfill", None),
        ("fulfill", "notify", None),
    ]
    assert answer["execution_path"] == []
    assert Caller().get(f"{PATH}/nobody/dag").status_code == 404
