"""/v1/rules/lists: seen like rules, filled and read by whoever administers all that a list is for."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit_app.models import AuditRecord
from rules_app.models import NamedList
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import anything
from tests.rules_app.conftest import Caller
from tests.rules_app.test_named_lists import made, saved
from tests.world import Shop

pytestmark = pytest.mark.django_db
LISTS = "/v1/rules/lists"
OWN = {"namespaces": ["ecommerce"], "tenants": ["acme-store"]}


def sent(client: APIClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = getattr(client, method)(path, body, format="json")
    return answer.status_code, answer.json() if answer.content else None


def test_a_list_is_made_filled_read_imported_emptied_and_deleted(shop: Shop) -> None:
    client = Strict(shop.secret)
    row = client.post(LISTS, shapes.NAMED_LIST, {"name": "blocked", "matching": "folded"}, status=201)
    path = f"{LISTS}/{row['id']}"
    entries = [
        "Eve@example.com",
        {"value": "a@example.com", "note": "x", "expires_at": "2999-01-01T00:00:00Z"},
    ]
    assert client.post(f"{path}/entries", shapes.LIST_CHANGE, {"entries": entries})["added"] == 2
    (newest, _) = client.get(f"{path}/entries", shapes.LIST_ENTRIES)["entries"]
    assert (newest["value"], newest["expires_at"]) == ("a@example.com", "2999-01-01T00:00:00.000Z")
    (older,) = client.get(f"{path}/entries", shapes.LIST_ENTRIES, before=newest["id"])["entries"]
    assert older["value"] == "Eve@example.com"
    text = "eve@EXAMPLE.com\nmallory@example.com\n\x01\n"
    found = client.post(f"{path}/import", shapes.LIST_PREVIEW, {"text": text, "dry_run": True})
    assert (found["new"], found["double"], found["bad"]) == (1, 1, 1)
    assert [line["line"] for line in found["lines"]] == [1, 3]
    changed = client.post(
        f"{path}/import", shapes.LIST_CHANGE, {"text": "mallory@example.com", "replace": True}
    )
    assert (changed["added"], changed["removed"]) == (1, 2)
    values = {"values": ["MALLORY@example.com", "nobody@example.com"]}
    assert client.post(f"{path}/entries/remove", anything, values) == {"removed": 1}
    assert client.get(LISTS, shapes.NAMED_LISTS, name="blocked")["lists"][0]["entries"] == 0
    client.delete(path)
    assert AuditRecord.objects.filter(outcome_details__change="deleted").count() == 1


def test_what_is_wrong_is_named(caller: Caller) -> None:
    row, client = made(), caller()
    own, over = f"/{row.pk}", {"value": "x", "expires_at": "2000-01-01T00:00:00Z"}
    wrong = [
        ("", {"name": "", "matching": "fold", "nme": 1}, ["nme", "name", "matching"]),
        ("", {"name": "x", "tenant": "acme-store"}, ["tenant"]),
        (
            f"{own}/entries",
            {"entries": ["", {"value": "x", "until": "y"}]},
            ["entries[0]", "entries[1].until"],
        ),
        (f"{own}/entries", {"entries": [over]}, ["entries[0].expires_at"]),
        (f"{own}/entries/remove", {"values": "x"}, ["values"]),
        (f"{own}/import", {"text": " "}, ["text"]),
    ]
    for tail, body, fields in wrong:
        status, answer = sent(client, "post", f"{LISTS}{tail}", body)
        assert (status, [one["field"] for one in answer["details"]]) == (422, fields), body
    assert sent(client, "post", LISTS, {"name": row.name})[0] == 409
    assert sent(client, "put", f"{LISTS}/{row.pk}", {"name": "other"})[0] == 422


def test_a_key_for_one_tenant_fills_its_own_list_and_only_sees_that_there_is_a_shared_one(
    caller: Caller,
) -> None:
    shared = made("blocked", ("*", "*"), "eve@example.com")
    other = made("blocked", ("ecommerce", "other-store"))
    client = caller(**OWN)
    seen = sent(client, "get", LISTS)[1]["lists"]
    assert [one["id"] for one in seen] == [str(shared.pk)]
    assert sent(client, "get", f"{LISTS}/{shared.pk}/entries")[0] == 403
    assert sent(client, "post", f"{LISTS}/{shared.pk}/entries", {"entries": ["x"]})[0] == 403
    assert sent(client, "get", f"{LISTS}/{other.pk}")[0] == 404
    assert sent(client, "post", LISTS, {"name": "mine"})[0] == 403
    own = {"name": "mine", "namespace": "ecommerce", "tenant": "acme-store"}
    assert sent(client, "post", LISTS, own)[0] == 201
    mine = NamedList.objects.get(name="mine")
    assert sent(client, "post", f"{LISTS}/{mine.pk}/entries", {"entries": ["x"]})[0] == 200


def test_roles_below_administrator_neither_read_values_nor_change_lists(caller: Caller) -> None:
    row = made("blocked", ("*", "*"), "eve@example.com")
    client = caller("operator")
    assert sent(client, "get", LISTS)[0] == 200
    assert sent(client, "get", f"{LISTS}/{row.pk}/entries")[0] == 403
    for tail in ("entries", "entries/remove", "import"):
        assert sent(client, "post", f"{LISTS}/{row.pk}/{tail}", {})[0] == 403


def test_a_list_that_a_rule_asks_is_not_deleted(caller: Caller) -> None:
    row = made()
    saved()
    status, answer = sent(caller(), "delete", f"{LISTS}/{row.pk}")
    assert (status, answer["message"]) == (409, "the list sanctioned is asked by rule deny")
