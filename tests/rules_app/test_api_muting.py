"""/v1/silences and /v1/time-intervals as clients send and read them, and the files that hold intervals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.clock_text import parse_time, rfc3339
from audit_app.models import AuditRecord, LegalHold, RetentionPolicy
from rules_app.models import Rule, RuleSetVersion, Silence, TimeInterval
from rules_app.services.silence_reaping import reap_silences
from tests.contract import shapes
from tests.rules_app.conftest import Caller, add_rule, rules_now
from tests.world import SCOPE

pytestmark = pytest.mark.django_db
CAMPAIGN = {"name": "campaign", "value": "spring"}
SPEC = {**SCOPE, "matchers": [CAMPAIGN], "comment": "wrong sender", "duration_seconds": 600}
EVERYONE = {"namespace": "*", "tenant": "*"}
NIGHTS: dict[str, Any] = {
    **SCOPE,
    "name": "nights",
    "time_ranges": [{"times": [{"start": "22:00", "end": "24:00"}]}],
    "location": "Europe/Berlin",
}
MAIL = {"field": "action.action_type", "eq": "send_mail"}


def in_hours(hours: float) -> str:
    return rfc3339(timezone.now() + timedelta(hours=hours))


def test_a_silence_is_made_read_changed_and_ended(caller: Caller) -> None:
    client = caller("operator")
    answer = client.post("/v1/silences", SPEC, format="json")
    assert answer.status_code == 201
    made = answer.json()
    shapes.SILENCE(made, "$")
    assert (made["active"], made["created_by"]) == (True, "key:operator-1")
    assert made["matchers"] == [{**CAMPAIGN, "op": "equal"}]
    lasts = parse_time(made["ends_at"]) - parse_time(made["starts_at"])  # type: ignore[operator]
    assert lasts == timedelta(seconds=600)
    path, ends = f"/v1/silences/{made['id']}", in_hours(5)
    # What was read can be sent back with its changes.
    changed = client.put(path, {**made, "ends_at": ends, "comment": "longer"}, format="json").json()
    assert (changed["ends_at"], changed["comment"]) == (ends, "longer")
    assert client.get("/v1/silences", SCOPE).json() == {"silences": [changed], "count": 1}
    assert client.delete(path).status_code == 204
    assert client.get("/v1/silences", SCOPE).json() == {"silences": [], "count": 0}
    ended = client.get("/v1/silences", {**SCOPE, "include_expired": "true"}).json()["silences"][0]
    assert not ended["active"]
    assert client.delete(path).status_code == 204  # it has ended; nothing is written twice
    assert client.put(path, {"ends_at": in_hours(1)}, format="json").status_code == 409
    trail = AuditRecord.objects.filter(action_type="silence").order_by("id")
    assert [one.outcome_details["change"] for one in trail] == ["made", "changed", "ended"]
    assert {one.caller_id for one in trail} == {"key:operator-1"}
    assert trail[1].outcome_details["changed"]["comment"] == ["wrong sender", "longer"]


def test_one_that_is_to_begin_later_is_pending_and_can_be_ended_before(caller: Caller) -> None:
    client = caller("operator")
    spec = {**SPEC, "starts_at": in_hours(1)}
    made = client.post("/v1/silences", spec, format="json").json()
    assert not made["active"]
    assert client.delete(f"/v1/silences/{made['id']}").status_code == 204
    row = Silence.objects.get()
    assert row.starts_at == row.ends_at <= timezone.now()


def test_one_that_an_older_release_let_pass_can_be_ended(caller: Caller) -> None:
    client = caller("operator")
    made = client.post("/v1/silences", SPEC, format="json").json()
    Silence.objects.update(matchers=[{"name": "x", "value": ".*", "op": "regex"}])
    assert client.delete(f"/v1/silences/{made['id']}").status_code == 204


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"matchers": None}, "matchers", "is required"),
        (
            {"matchers": [{"name": "a", "value": ".*", "op": "regex"}]},
            "matchers",
            "empty value does not match",
        ),
        ({"comment": None}, "comment", "say why"),
        ({"comment": " "}, "comment", "say why"),
        ({"duration_seconds": None}, "ends_at", "duration_seconds in its place"),
        ({"ends_at": "2999-01-01T00:00:00Z"}, "ends_at", "say one"),
        ({"duration_seconds": 0}, "duration_seconds", "from 1 to"),
        ({"duration_seconds": True}, "duration_seconds", "from 1 to"),
        ({"duration_seconds": None, "ends_at": "2020-01-01T00:00:00Z"}, "ends_at", "after starts_at"),
        ({"duration_seconds": None, "ends_at": "tomorrow"}, "ends_at", "RFC 3339"),
        ({"duration_seconds": None, "ends_at": "2999-01-01T00:00:00Z"}, "ends_at", "at most 366 days"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "ends_at", "a time to come"),
        ({"tenant": "*"}, "tenant", "one by its name"),
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused(
    caller: Caller, change: dict[str, Any], field: str, told: str
) -> None:
    answer = caller("operator").post("/v1/silences", {**SPEC, **change}, format="json")
    assert answer.status_code == 422
    assert told in {one["field"]: one["message"] for one in answer.json()["details"]}[field]
    assert not Silence.objects.exists()


def test_who_may_silence_what(caller: Caller) -> None:
    made = caller("operator").post("/v1/silences", SPEC, format="json").json()
    path = f"/v1/silences/{made['id']}"
    assert caller("viewer").post("/v1/silences", SPEC, format="json").status_code == 403
    assert caller("viewer").get(path).status_code == 200
    stranger = caller("operator", tenants=["other-store"])
    assert stranger.post("/v1/silences", SPEC, format="json").status_code == 403
    assert stranger.get(path).status_code == stranger.delete(path).status_code == 404
    some = caller("operator", action_types=["send_mail"])
    answer = some.post("/v1/silences", SPEC, format="json")
    assert (answer.status_code, "covers some only" in answer.json()["error"]) == (403, True)
    assert some.delete(path).status_code == 403
    for change in ({"matchers": [{**CAMPAIGN, "value": "x"}]}, {"tenant": "x"}, {"coment": "x"}):
        assert caller("operator").put(path, change, format="json").status_code == 422
    assert Silence.objects.get().comment == "wrong sender"


def test_retention_deletes_what_has_ended(caller: Caller) -> None:
    for hours in (-30, -2, 2):
        at = timezone.now() + timedelta(hours=hours)
        facts = {
            "matchers": [CAMPAIGN],
            "comment": "x",
            "created_by": "x",
            "created_at": at,
            "updated_at": at,
        }
        Silence.objects.create(**SCOPE, **facts, starts_at=at - timedelta(hours=40), ends_at=at)
    policy = RetentionPolicy(**SCOPE, state_ttl_seconds=86_400)
    then = timezone.now() - timedelta(hours=50)
    hold = LegalHold.objects.create(
        **SCOPE, held_from=then, held_until=then + timedelta(hours=1), reason="case 1", placed_by="x"
    )
    assert reap_silences(policy, timezone.now(), 10) == 0
    hold.delete()
    assert reap_silences(policy, timezone.now(), 10) == 1
    assert reap_silences(RetentionPolicy(**SCOPE), timezone.now(), 10) == 0
    assert Silence.objects.count() == 2


def test_an_interval_is_made_read_changed_and_deleted_and_each_publishes_a_version(
    caller: Caller, guide: int
) -> None:
    client = caller("admin")
    answer = client.post("/v1/time-intervals", NIGHTS, format="json")
    assert answer.status_code == 201
    made, path = answer.json(), "/v1/time-intervals/ecommerce/acme-store/nights"
    shapes.TIME_INTERVAL(made, "$")
    assert made["time_ranges"][0]["times"] == [{"start_minute": 1320, "end_minute": 1440}]
    assert client.get(path).json() == made
    assert client.get("/v1/time-intervals", SCOPE).json() == {"time_intervals": [made], "count": 1}
    assert client.post("/v1/time-intervals", NIGHTS, format="json").status_code == 409
    assert RuleSetVersion.objects.get(number=guide + 1).cause.startswith("made time interval nights")
    # Sent back as it was read it says nothing new, and no version comes of it.
    assert client.put(path, made, format="json").status_code == 200
    assert RuleSetVersion.objects.count() == 2
    ranges = [{"weekdays": ["saturday:sunday"]}]
    changed = client.put(path, {"time_ranges": ranges, "location": None}, format="json").json()
    assert changed["time_ranges"][0]["weekdays"] == [{"start": 6, "end": 7}]
    assert changed["location"] is None
    assert client.put(path, {"name": "days"}, format="json").status_code == 422
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    newest = RuleSetVersion.objects.order_by("-number")[0]
    assert "time_intervals" not in newest.content
    trail = AuditRecord.objects.filter(action_type="time_interval").order_by("id")
    assert [one.outcome_details["change"] for one in trail] == ["made", "changed", "deleted"]


def test_intervals_for_all_are_seen_by_all_and_changed_by_who_reaches_all(caller: Caller) -> None:
    shared = {**NIGHTS, **EVERYONE}
    client, own = caller("admin"), caller("admin", namespaces=["ecommerce"], tenants=["acme-store"])
    assert client.post("/v1/time-intervals", shared, format="json").status_code == 201
    assert own.post("/v1/time-intervals", {**shared, "name": "x"}, format="json").status_code == 403
    path = "/v1/time-intervals/*/*/nights"
    assert own.get(path).status_code == 200
    assert own.put(path, {"description": "x"}, format="json").status_code == 403
    assert own.delete(path).status_code == 403
    assert caller("operator").delete(path).status_code == 403
    assert own.post("/v1/time-intervals", NIGHTS, format="json").status_code == 201
    stranger = caller("admin", tenants=["other-store"])
    assert stranger.get("/v1/time-intervals/ecommerce/acme-store/nights").status_code == 404
    assert [one["namespace"] for one in stranger.get("/v1/time-intervals").json()["time_intervals"]] == ["*"]


def test_an_interval_stays_while_a_rule_would_be_left_without_it(caller: Caller) -> None:
    client = caller("admin")
    client.post("/v1/time-intervals", {**NIGHTS, **EVERYONE}, format="json")
    rule = {"name": "quiet", "condition": MAIL, "action": {"type": "allow"}, "enabled": False}
    add_rule(**rule, mute_time_intervals=["nights"])
    answer = client.delete("/v1/time-intervals/*/*/nights")
    assert answer.status_code == 409
    assert "rule quiet (disabled)" in answer.json()["error"]
    # One that only covers a part is spared nothing: another one is still found.
    client.post("/v1/time-intervals", NIGHTS, format="json")
    assert client.delete("/v1/time-intervals/ecommerce/acme-store/nights").status_code == 204
    Rule.objects.all().delete()
    assert client.delete("/v1/time-intervals/*/*/nights").status_code == 204


def test_what_a_rule_names_must_be_there_in_drafts_too(caller: Caller, guide: int) -> None:
    client = caller("admin")
    client.post("/v1/time-intervals", {**NIGHTS, **EVERYONE}, format="json")
    number = client.post("/v1/rules/drafts", {"name": "mail at night"}, format="json").json()["number"]
    rule = {"condition": MAIL, "action": {"type": "allow"}, "priority": 0, "mute_time_intervals": ["night"]}
    path = f"/v1/rules/drafts/{number}/rules/newsletters"
    answer = client.put(path, {"spec": rule, "revision": None}, format="json")
    assert answer.status_code == 422
    assert "did you mean 'nights'?" in answer.json()["error"]
    rule["mute_time_intervals"] = ["nights"]
    answer = client.put(path, {"spec": rule, "revision": None}, format="json")
    assert answer.status_code == 200, answer.content
    publish = {"reason": "people sleep"}
    answer = client.post(f"/v1/rules/drafts/{number}/publish", publish, format="json")
    assert answer.status_code == 200, answer.content
    found = next(one for one in rules_now().rules if one.name == "newsletters")
    assert found.mute_time_intervals == ("nights",)
    assert [one.name for one in rules_now().intervals] == ["nights"]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"mute_time_intervals": "nights"}, "must be a list"),
        ({"mute_time_intervals": ["nights", "nights"]}, "twice"),
        ({"mute_time_intervals": ["nights"], "action": {"type": "deny"}}, "rules that send something"),
        ({"mute_time_intervals": ["nights"], "active_time_intervals": ["nights"]}, "nothing at any time"),
        ({"mute_time_interval": ["nights"]}, "did you mean 'mute_time_intervals'?"),
    ],
)
def test_a_rule_that_cannot_mean_its_intervals_is_refused(spec: dict[str, Any], told: str) -> None:
    from rules_app.engine import parse_rule

    _, problems = parse_rule({"name": "x", "condition": MAIL, "action": {"type": "allow"}, **spec})
    assert any(told in one.message for one in problems), problems


def test_a_row_answers_what_is_stored_of_it() -> None:
    assert str(TimeInterval(name="nights", **SCOPE)) == "nights (ecommerce/acme-store)"
