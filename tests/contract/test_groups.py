"""/v1/groups: what is gathered for one call, and its record."""

from __future__ import annotations

from acteon_site.base import config_versions
from tests.contract import shapes
from tests.contract.client import Strict
from tests.orders_app.gathered import alert, group_rule, make_due, send_all
from tests.world import SCOPE


def test_a_group_from_its_first_action_to_its_call(client: Strict, stranger: Strict) -> None:
    group_rule()
    config_versions.reset()
    sent = alert()
    told = client.post("/v1/dispatch", shapes.outcome, sent)["Grouped"]
    (row,) = client.get("/v1/groups", shapes.GROUPS, **SCOPE)["groups"]
    path = f"/v1/groups/{row['group_key']}"
    assert client.get(path, shapes.GROUP_DETAIL, **SCOPE)["group"]["group_id"] == told["group_id"]
    stranger.refused("GET", path, 404, "NOT_FOUND")
    stranger.refused("DELETE", path, 404, "NOT_FOUND")
    assert client.get(f"/v1/audit/{sent['id']}", shapes.GROUPED_RECORD)["flush"] is None
    make_due()
    send_all()
    flush = client.get(f"/v1/audit/{sent['id']}", shapes.GROUPED_RECORD)["flush"]
    assert flush["action_id"] == told["group_id"]
    assert client.call("DELETE", path, shapes.GROUP_FLUSHED)["status"] == "flushed"
    client.refused("GET", "/v1/groups", 400, "BAD_QUERY", query={**SCOPE, "state": "lost"})
    client.refused("GET", "/v1/groups", 400, "BAD_QUERY")
    client.refused("GET", "/v1/groups/nobody", 404, "NOT_FOUND")
