"""/v1/rules/drafts and /v1/rules/versions: the whole way of a change, and who is told what on it."""

from __future__ import annotations

from typing import Any

import pytest

from rules_app.models import Rule
from rules_app.services.rule_sets import rule_enable, rule_settings_save
from tests.contract.client import Strict
from tests.contract.shapes.rules import FINDINGS
from tests.contract.strict import anything
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import HIGH, VOUCHERS
from tests.rules_app.shop import PLACES_ORDER
from tests.world import Shop

DRAFTS = "/v1/rules/drafts"


@pytest.fixture
def ann(shop: Shop) -> Strict:
    return Strict(Shop(name="ann").secret)


@pytest.fixture
def ben(shop: Shop) -> Strict:
    return Strict(Shop(name="ben").secret)


@pytest.fixture
def draft(ann: Strict) -> str:
    """The path of a draft of ann's."""
    made = ann.post(DRAFTS, anything, {"name": "spring"}, status=201)
    assert (made["status"], made["created_by"], made["changes"]) == ("open", "key:ann", [])
    return f"{DRAFTS}/{made['number']}"


def change(client: Strict, draft: str, name: str = HIGH, **changes: Any) -> Any:
    path = f"{draft}/rules/{name}"
    seen = client.get(path, anything)
    return client.put(path, anything, {"spec": seen["spec"] | changes, "revision": seen["revision"]})


def test_a_rule_is_changed_reviewed_published_and_rolled_back(ann: Strict, ben: Strict, draft: str) -> None:
    change(ann, draft, priority=4)
    ann.put(f"{draft}/rules/allow-vouchers", anything, {"spec": VOUCHERS, "revision": None})
    whole = ben.get(draft, anything)
    assert {one["rule"]: one["how"] for one in whole["changes"]} == {
        "allow-vouchers": "added",
        HIGH: "changed",
    }
    assert whole["changes"][1]["words"] == ["priority: 3 → 4"]
    assert whole["changes"][1]["source"] == "ecommerce"
    body = {"reason": "spring begins", "revision": whole["revision"]}
    version = ben.post(f"{draft}/publish", anything, body)
    assert (version["actor"], version["reason"]) == ("key:ben", "spring begins")
    assert ben.get(draft, anything)["version"] == version["number"]
    before = ben.get("/v1/rules/versions", anything)["versions"][1]["number"]
    diff = ben.get(f"/v1/rules/versions/{before}/diff/{version['number']}", anything)
    assert [one["rule"] for one in diff["differences"]] == ["allow-vouchers", HIGH]
    back = ben.post(f"/v1/rules/versions/{before}/restore", anything, {"reason": "too early"})
    assert back["status"] == "published"
    newest, *_ = ann.get("/v1/rules/versions", anything)["versions"]
    assert (newest["cause"], newest["number"]) == (f"restored version {before}", back["version"])
    assert ann.get(f"/v1/rules/versions/{newest['number']}", anything)["rules"][1]["priority"] == 3


def test_two_who_edit_one_rule_see_both_sides(ann: Strict, ben: Strict, draft: str) -> None:
    path = f"{draft}/rules/{HIGH}"
    seen = ann.get(path, anything)
    change(ben, draft, priority=7)
    body = {"spec": {**seen["spec"], "priority": 5}, "revision": seen["revision"]}
    error = ann.refused("PUT", path, 409, "RULE_CONFLICT", shape=anything, body=body)
    (told,) = error["conflicts"]
    assert (told["theirs"]["priority"], told["yours"]["priority"], told["by"]) == (7, 5, "key:ben")


def test_a_rule_that_changed_live_meanwhile_is_settled_before_it_is_published(
    ann: Strict, draft: str
) -> None:
    change(ann, draft, priority=4)
    rule_enable(name=HIGH, enabled=False, actor="ben")
    publish = {"reason": "now"}
    error = ann.refused("POST", f"{draft}/publish", 409, "RULE_CONFLICT", shape=anything, body=publish)
    assert error["conflicts"][0]["theirs"]["enabled"] is False
    (told,) = ann.get(draft, anything)["changes"]
    assert told["state"] == "conflict"
    body = {"rule": HIGH, "take": "draft", "revision": told["live_revision"]}
    ann.post(f"{draft}/settle", anything, body)
    ann.post(f"{draft}/publish", anything, publish)
    rule = Rule.objects.get(name=HIGH)
    assert (rule.enabled, rule.priority) == (True, 4)


def test_a_rule_is_taken_out_and_a_draft_discarded(ann: Strict, draft: str) -> None:
    seen = ann.get(f"{draft}/rules/{HIGH}", anything)
    ann.delete(f"{draft}/rules/{HIGH}", revision=seen["revision"])
    assert ann.get(f"{draft}/rules/{HIGH}", anything)["spec"] is None
    assert ann.post(f"{draft}/discard", anything, {})["status"] == "discarded"
    ann.refused("DELETE", draft, 409)
    assert ann.get(DRAFTS, anything, status="open")["drafts"] == []
    assert ann.get(DRAFTS, anything)["count"] == 1
    assert len(rules_now().rules) == 6


def test_a_draft_takes_a_name_and_a_zone(ann: Strict, draft: str) -> None:
    body = {"name": "summer", "default_timezone": "Europe/Berlin"}
    told = ann.put(draft, anything, body)
    assert (told["name"], told["changes"][0]["rule"]) == ("summer", "")
    ann.delete(draft)


def test_where_a_second_person_must_publish_the_editor_may_not(ann: Strict, ben: Strict, draft: str) -> None:
    rule_settings_save(default_timezone="US/Eastern", actor="boss", second_person=["ecommerce"])
    change(ann, draft, priority=4)
    ann.refused("POST", f"{draft}/publish", 409, "SECOND_PERSON", body={"reason": "mine"})
    ben.post(f"{draft}/publish", anything, {"reason": "seen"})


@pytest.mark.parametrize(
    ("method", "tail", "body", "field"),
    [
        ("POST", "", {}, "name"),
        ("PUT", "/{n}", {"name": 7}, "name"),
        ("PUT", "/{n}", {"default_timezone": "US/Easten"}, "default_timezone"),
        ("PUT", "/{n}/rules/x", {"revision": None}, "spec"),
        ("PUT", "/{n}/rules/x", {"spec": VOUCHERS, "revision": None}, "spec.name"),
        ("PUT", "/{n}/rules/allow-vouchers", {"spec": VOUCHERS}, "revision"),
        ("PUT", "/{n}/rules/allow-vouchers", {"spec": VOUCHERS, "revision": 7}, "revision"),
        ("PUT", "/{n}/rules/x", {"spec": {"name": "x"}, "revision": None}, "condition"),
        ("POST", "/{n}/settle", {"take": "draft", "revision": None}, "rule"),
        ("POST", "/{n}/settle", {"rule": "x", "take": "both", "revision": None}, "take"),
        ("POST", "/{n}/publish", {}, "reason"),
        ("POST", "/{n}/publish", {"reason": 7}, "reason"),
        ("POST", "/{n}/publish", {"reason": "x", "revision": 7}, "revision"),
    ],
)
def test_what_is_wrong_is_named(
    ann: Strict, draft: str, method: str, tail: str, body: dict[str, Any], field: str
) -> None:
    path = DRAFTS + tail.format(n=draft.rpartition("/")[2])
    error = ann.refused(method, path, 422, "VALIDATION", body=body)
    assert error["details"][0]["field"] == field


def test_what_is_not_there_is_not_found(ann: Strict, draft: str) -> None:
    for path in (f"{DRAFTS}/99", f"{DRAFTS}/{'9' * 30}", f"{draft}/rules/nobody", "/v1/rules/versions/99"):
        ann.refused("GET", path, 404, "NOT_FOUND")
    ann.refused("POST", f"{draft}/settle", 404, body={"rule": HIGH, "take": "live", "revision": None})
    ann.refused("GET", "/v1/rules/versions/1/diff/99", 404)
    ann.refused("DELETE", f"{draft}/rules/{HIGH}", 400)
    ann.refused("GET", DRAFTS, 400, query={"status": "lost"})


def test_a_viewer_reads_and_changes_nothing(draft: str) -> None:
    viewer = Strict(Shop(role="viewer").secret)
    assert viewer.get(draft, anything)["name"] == "spring"
    viewer.refused("POST", f"{draft}/discard", 403, body={})


def test_the_check_tells_what_a_draft_would_add_and_then_what_is_in_force(ann: Strict, draft: str) -> None:
    assert ann.get("/v1/rules/check", FINDINGS)["findings"] == []
    late = {**VOUCHERS, "name": "too-late", "priority": 2, "action": {"type": "deny"}}
    late["condition"] = {"all": [PLACES_ORDER, {"field": "action.payload.shipping_country", "eq": "KP"}]}
    ann.put(f"{draft}/rules/too-late", anything, {"spec": late, "revision": None})
    told = ann.get(f"{draft}/check", FINDINGS)
    (found,) = told["findings"]
    assert (found["id"], found["severity"], found["rule"]) == ("unreachable", "error", "too-late")
    assert (told["rules"], told["counts"]["error"]) == (7, 1)
    assert ann.get("/v1/rules/check", FINDINGS)["findings"] == []
    ann.post(f"{draft}/publish", anything, {"reason": "it has two codes"})
    assert ann.get("/v1/rules/check", FINDINGS)["counts"]["error"] == 1
    assert ann.get(f"{draft}/check", FINDINGS)["findings"] == []


def test_the_check_names_rules_of_all_and_so_asks_for_the_whole_scope(draft: str) -> None:
    narrow = Strict(Shop(namespaces=["ecommerce"]).secret)
    narrow.refused("GET", "/v1/rules/check", 403)
    narrow.refused("GET", f"{draft}/check", 403)
