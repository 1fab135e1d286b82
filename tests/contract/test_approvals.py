"""/v1/approvals: the list, and the signed links."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as site
from django.db.models import F
from rest_framework.test import APIClient

from orders_app.models import Hold
from tests.contract import shapes
from tests.contract.client import Strict
from tests.world import SCOPE, order


@pytest.fixture
def pending(client: Strict) -> dict[str, Any]:
    answer = client.post("/v1/dispatch", shapes.outcome, order(id="big", payload={"total_cents": 60_000}))
    approval: dict[str, Any] = answer["PendingApproval"]
    return approval


@pytest.fixture
def approver(client: Strict) -> Strict:
    """Without a key: the signature is the permission."""
    return Strict()


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def signature(decision: str, expires_at: int, *parts: str) -> str:
    """The contract's bytes, spelt out once more."""
    message = "".join(f"{len(part.encode())}:{part}\n" for part in parts) + f"{expires_at}\n{decision}"
    return hmac.new(site.APPROVAL_KEYS["k1"].encode(), message.encode(), hashlib.sha256).hexdigest()


def test_the_list(client: Strict, pending: dict[str, Any]) -> None:
    found = client.get("/v1/approvals", shapes.APPROVALS, **SCOPE)
    (approval,) = found["approvals"]
    assert (approval["token"], approval["status"]) == (pending["approval_id"], "pending")
    assert (approval["rule"], approval["action_id"]) == ("approve-high-value", "big")
    assert approval["message"] == "High-value order requires manager approval"
    assert approval["decided_at"] is approval["decided_by"] is None
    assert "sig" not in client.last.content.decode()
    assert client.get("/v1/approvals", shapes.APPROVALS, **SCOPE, status="approved")["approvals"] == []
    client.refused("GET", "/v1/approvals", 400, "BAD_QUERY", query={**SCOPE, "status": "lost"})


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_link_is_signed_as_the_contract_says(pending: dict[str, Any], decision: str) -> None:
    query = parse_qs(urlsplit(pending[f"{decision}_url"]).query)
    expires_at = int(query["expires_at"][0])
    wanted = signature(decision, expires_at, "ecommerce", "acme-store", pending["approval_id"])
    assert query["sig"] == [wanted]


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_one_approval_is_shown_by_either_signature(
    approver: Strict, pending: dict[str, Any], decision: str
) -> None:
    path = path_of(pending[f"{decision}_url"]).replace(f"/{decision}?", "?")
    assert approver.call("GET", path, shapes.APPROVAL)["token"] == pending["approval_id"]


def test_looking_decides_nothing(approver: Strict, pending: dict[str, Any]) -> None:
    for decision in ("approve", "reject"):
        path = path_of(pending[f"{decision}_url"])
        approver.call("GET", path, shapes.APPROVAL)
        assert approver.send("HEAD", path).status_code == 200
        assert approver.send("HEAD", path.replace(f"/{decision}?", "?")).status_code == 200
    assert Hold.objects.get().status == "pending"


def test_approving_answers_the_outcome_and_only_once(approver: Strict, pending: dict[str, Any]) -> None:
    path = path_of(pending["approve_url"])
    told = approver.call("POST", path, shapes.APPROVED)
    assert told["id"] == pending["approval_id"]
    approver.refused("POST", path, 410, "ALREADY_DECIDED")
    approver.refused("POST", path_of(pending["reject_url"]), 410, "ALREADY_DECIDED")


def test_rejecting_answers_null(approver: Strict, pending: dict[str, Any], client: Strict) -> None:
    told = approver.call("POST", path_of(pending["reject_url"]), shapes.REJECTED)
    assert told["outcome"] is None
    (approval,) = client.get("/v1/approvals", shapes.APPROVALS, **SCOPE)["approvals"]
    assert (approval["status"], approval["decided_by"]) == ("rejected", "approval link")


def test_missing_parameters_are_400(approver: Strict, pending: dict[str, Any]) -> None:
    base = urlsplit(pending["approve_url"]).path
    for query in ("", "?sig=x", "?expires_at=1", "?sig=x&expires_at=soon", "?sig=&expires_at=1"):
        for method in ("GET", "POST"):
            approver.refused(method, base + query, 400, "BAD_QUERY")


def test_whatever_is_wrong_with_a_link_is_one_404(approver: Strict, pending: dict[str, Any]) -> None:
    good = path_of(pending["approve_url"])
    answers = [
        approver.refused("POST", good.replace("sig=", "sig=0"), 404),
        approver.refused("POST", path_of(pending["reject_url"]).replace("/reject?", "/approve?"), 404),
        approver.refused("POST", good.replace("acme-store", "other"), 404),
        approver.refused("POST", good.replace(pending["approval_id"], pending["approval_id"][::-1]), 404),
        approver.refused("POST", good.replace("kid=k1", "kid=k9"), 404),
        approver.refused("POST", good.replace("expires_at=", "expires_at=1"), 404),
    ]
    Hold.objects.update(due_at=F("due_at") - timedelta(hours=1))
    answers.append(approver.refused("POST", good, 404))
    assert len({answer["message"] for answer in answers}) == 1
    assert Hold.objects.get().status == "pending"


def test_an_expired_link_is_that_same_404(
    approver: Strict, pending: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils import timezone

    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr("orders_app.services.decisions.db_now", lambda: later)
    error = approver.refused("POST", path_of(pending["approve_url"]), 404)
    other = approver.refused("POST", path_of(pending["approve_url"]).replace("sig=", "sig=0"), 404)
    assert error == other


def test_a_key_makes_no_difference_to_a_link(stranger: Strict, pending: dict[str, Any]) -> None:
    stranger.call("POST", path_of(pending["approve_url"]), shapes.APPROVED)


def test_two_keys_are_active_at_a_time(approver: Strict, pending: dict[str, Any], settings: Any) -> None:
    settings.APPROVAL_KEYS = {"k2": "cd" * 32, "k1": site.APPROVAL_KEYS["k1"]}
    approver.call("POST", path_of(pending["approve_url"]), shapes.APPROVED)


def test_whatever_is_wrong_with_a_link_is_a_page_in_a_browser(pending: dict[str, Any]) -> None:
    browser = APIClient(headers={"Accept": "text/html,application/xhtml+xml"})
    good = path_of(pending["approve_url"])
    assert browser.post(good).status_code == 200
    for path, status in (
        (good.partition("&")[0], 400),
        (good.replace("sig=", "sig=0"), 404),
        (good, 410),  # it was decided meanwhile
    ):
        page = browser.post(path)
        assert (page.status_code, page.headers["Referrer-Policy"]) == (status, "no-referrer")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "This link decides nothing" in page.content.decode()


def test_a_browser_sees_the_order_and_a_button(pending: dict[str, Any]) -> None:
    browser = APIClient(headers={"Accept": "text/html,application/xhtml+xml"})
    page = browser.get(path_of(pending["approve_url"]))
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.content.decode()
    assert "<form" in text
    assert "60000" in text or "600.00" in text
    assert "4111111111111111" not in text
    assert Hold.objects.get().status == "pending"


def test_the_page_shows_lists_and_objects_in_words(client: Strict) -> None:
    content = {
        "total_cents": 60_000,
        "currency": "JPY",
        "items": [{"sku": "MUG-BLUE", "qty": 2, "price_cents": 30_000}, {"sku": "LID", "qty": 1}],
        "gift": True,
        "coupon": None,
        "tags": [],
        "address": {"city": "Osaka", "lines": ["1-2", "3"]},
    }
    answer = client.post("/v1/dispatch", shapes.outcome, order(payload=content))
    browser = APIClient(headers={"Accept": "text/html,application/xhtml+xml"})
    text = browser.get(path_of(answer["PendingApproval"]["approve_url"])).content.decode()
    for name, value in (
        ("items", "sku: MUG-BLUE, qty: 2, price_cents: ¥30,000; sku: LID, qty: 1"),
        ("gift", "yes"),
        ("coupon", "-"),
        ("tags", "-"),
        ("address", "city: Osaka, lines: (1-2; 3)"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text


def test_names_with_slashes_lead_to_the_approval_too(client: Strict, approver: Strict) -> None:
    scope = {"namespace": "shops/eu", "tenant": "acme/berlin"}
    answer = client.post("/v1/dispatch", shapes.outcome, order(**scope, payload={"total_cents": 60_000}))
    url = answer["PendingApproval"]["approve_url"]
    assert "/v1/approvals/shops%2Feu/acme%2Fberlin/" in url
    told = approver.call("POST", path_of(url), shapes.APPROVED)
    assert told["status"] == "approved"
