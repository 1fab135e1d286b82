"""Slack, Teams, PagerDuty and Twilio against a real server that speaks as they do, their faults included."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chains_app.providers.base import Answer, Call, ProviderError, ProviderSettings
from chains_app.providers.registry import KINDS
from tests.chains_app.doors import called
from tests.chains_app.peer import Peer, hang_up, peer_running

CALL = Call(
    provider="notices",
    action_type="order_stuck",
    payload={
        "order_id": "o-1",
        "name": "<!channel> *Eve* [x](https://evil.example)",
        "phone": "+4915112345678",
    },
    namespace="ecommerce",
    tenant="acme-store",
    action_id="a-1",
    idempotency_key="run-1:tell",
    timeout_seconds=5,
)
ACCOUNT, API_KEY, SERVICE = "AC" + "0" * 32, "SK" + "1" * 32, "MG" + "2" * 32
ROUTING = "R0UT1NGK3Y" * 3 + "ab"
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "slack": ({}, {}),
    "teams": ({}, {}),
    "pagerduty": ({}, {"routing_key": ROUTING}),
    "twilio": (
        {
            "account_sid": ACCOUNT,
            "from": "+15005550006",
            "to": "{{payload.phone}}",
            "body": "{{payload.order_id}}!",
        },
        {"auth_token": "t0ken-t0ken"},
    ),
}


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


def tell(
    peer: Peer, kind: str, secrets: dict[str, Any] | None = None, call: Call = CALL, **config: Any
) -> Answer:
    usual, usual_secrets = SETTINGS[kind]
    settings = ProviderSettings(
        "notices", kind, {"url": peer.url, **usual, **config}, usual_secrets if secrets is None else secrets
    )
    assert KINDS[kind].check(settings.config, settings.secrets) == []
    return called(KINDS[kind], settings, call)


def refused(peer: Peer, kind: str, **config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        tell(peer, kind, **config)
    return caught.value


def sent(peer: Peer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(peer.said[-1].body)
    return body


def problems(kind: str, secrets: dict[str, Any] | None = None, **config: Any) -> dict[str, str]:
    return {found.field: found.message for found in KINDS[kind].check(config, secrets or {})}


class TestSlack:
    def test_a_webhook_gets_the_text_in_which_no_value_calls_anybody(self, peer: Peer) -> None:
        peer.answers(200, b"ok", {"Content-Type": "text/html"})
        answer = tell(
            peer, "slack", text="*{{payload.order_id}}* of {{payload.name}}: <https://shop.example|open>"
        )
        assert answer.body == {"provider": "notices", "sent": True}
        assert sent(peer) == {
            "text": "*o-1* of &lt;!channel&gt; *Eve* [x](https://evil.example): <https://shop.example|open>"
        }

    def test_without_a_text_it_is_the_payload_and_blocks_are_rendered(self, peer: Peer) -> None:
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "{{payload.name}}"}}
        tell(peer, "slack", messages={"order_stuck": {"blocks": [block]}})
        assert sent(peer)["text"].startswith("*order_stuck*\norder_id: o-1\nname: &lt;!channel&gt;")
        assert sent(peer)["blocks"][0]["text"]["text"].startswith("&lt;!channel&gt;")

    def test_no_text_in_blocks_is_longer_than_slack_takes(self, peer: Peer) -> None:
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "{{payload.name}}"}}
        tell(peer, "slack", call=replace(CALL, payload={"name": "<" * 3000}), blocks=[block])
        assert len(sent(peer)["blocks"][0]["text"]["text"]) == 3000

    def test_what_a_customer_writes_is_no_template_no_markup_and_no_further_field(self, peer: Peer) -> None:
        payload = {"note": "{{tenant}} rules\ntotal: $1.00", "total_cents": 60_000, "currency": "USD"}
        tell(peer, "slack", call=replace(CALL, payload=payload))
        assert sent(peer)["text"] == (
            "*order_stuck*\nnote: {{tenant}} rules\n    total: $1.00\ntotal: $600.00\ncurrency: USD"
        )
        nested = replace(CALL, payload={"more": {"<!channel>": [{"<x&y>": "<z>"}]}})
        tell(peer, "slack", call=nested, text="{{payload.more}} {{payload.more.<!channel>}}")
        assert sent(peer)["text"] == (
            '{"&lt;!channel&gt;":[{"&lt;x&amp;y&gt;":"&lt;z&gt;"}]} [{"&lt;x&amp;y&gt;":"&lt;z&gt;"}]'
        )
        tell(peer, "slack", call=nested, blocks=[{"type": "x", "y": "{{payload.more}}"}])
        assert "<" not in str(sent(peer)["blocks"])

    def test_a_bot_writes_to_its_channel_and_tells_where(self, peer: Peer) -> None:
        peer.answers(200, {"ok": True, "channel": "C1", "ts": "17.1", "message": {"text": "…"}})
        answer = tell(peer, "slack", {"token": "xoxb-1-secret"}, channel="C1", text="x")
        assert answer.body == {"provider": "notices", "sent": True, "channel": "C1", "ts": "17.1"}
        assert peer.said[0].headers["authorization"] == "Bearer xoxb-1-secret"
        assert sent(peer)["channel"] == "C1"

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            ("channel_not_found", ("EXECUTION_FAILED", False, False)),
            ("ratelimited", ("RATE_LIMITED", True, False)),
            ("service_unavailable", ("EXECUTION_FAILED", True, False)),
            ("fatal_error", ("EXECUTION_FAILED", True, True)),
            ({"odd": 1}, ("EXECUTION_FAILED", False, False)),
        ],
    )
    def test_a_refusal_with_status_200_is_one(
        self, peer: Peer, error: Any, expected: tuple[Any, ...]
    ) -> None:
        peer.answers(200, {"ok": False, "error": error})
        found = refused(peer, "slack")
        assert (found.code, found.retryable, found.unknown) == expected
        assert "xoxb" not in found.message

    def test_the_word_that_a_webhook_refuses_with_is_told_and_a_limit_is_waited_for(self, peer: Peer) -> None:
        peer.answers(404, b"channel_is_archived")
        assert refused(peer, "slack").message == "HTTP 404: channel_is_archived"
        peer.answers(429, {"ok": False, "error": "rate_limited"}, {"Retry-After": "30"})
        found = refused(peer, "slack")
        assert (found.code, found.retryable, found.retry_after) == ("RATE_LIMITED", True, 30)

    def test_wrong_settings_are_named(self) -> None:
        assert set(problems("slack", url="slack.example", channel="C1", txt="x")) == {"url", "channel", "txt"}
        assert set(problems("slack", {"token": "x", "secret_url": "https://s.example"})) == {
            "channel",
            "secret_url",
        }
        found = problems(
            "slack", url="https://s.example", text="{{order.id}}", blocks=["x"], messages={"a": {"url": "x"}}
        )
        assert set(found) == {"text", "blocks", "messages.a.url"}


class TestTeams:
    def test_a_card_with_facts_and_a_button_in_which_no_value_is_markup(self, peer: Peer) -> None:
        peer.answers(202)
        config = {
            "title": "Order {{payload.order_id}}",
            "text": "{{payload.name}}",
            "facts": {"Shop": "{{tenant}}", "Nothing": "{{payload.none}}"},
            "link": "https://shop.example/{{payload.order_id}}",
        }
        assert tell(peer, "teams", **config).body == {"provider": "notices", "sent": True}
        card = sent(peer)["attachments"][0]["content"]
        assert card["body"][0]["text"] == r"Order o\-1"
        assert card["body"][1]["text"] == r"\<\!channel\> \*Eve\* \[x\]\(https://evil\.example\)"
        assert card["body"][2]["facts"] == [{"title": "Shop", "value": r"acme\-store"}]
        assert card["actions"] == [
            {"type": "Action.OpenUrl", "title": "Open", "url": "https://shop.example/o-1"}
        ]

    def test_without_texts_the_fields_are_its_facts_and_a_link_that_is_none_is_no_button(
        self, peer: Peer
    ) -> None:
        tell(peer, "teams", link="{{payload.order_id}}")
        card = sent(peer)["attachments"][0]["content"]
        assert card["body"][0]["text"] == r"order\_stuck"
        assert {fact["title"] for fact in card["body"][1]["facts"]} == {r"order\_id", "name", "phone"}
        assert card["actions"] == []

    def test_a_value_with_lines_makes_no_facts_of_its_own(self, peer: Peer) -> None:
        payload = {"total_cents": 60_000, "note": "x\ntotal: $1.00", "total": "$2.00", "currency": "USD"}
        tell(peer, "teams", call=replace(CALL, payload=payload))
        facts = sent(peer)["attachments"][0]["content"]["body"][1]["facts"]
        assert [fact["title"] for fact in facts] == ["total", "note", "total", "currency"]
        assert facts[0]["value"] == r"$600\.00"

    @pytest.mark.parametrize("letters", ["ß[", "漢字", "🎁🎁", "\x01\x02"])
    def test_the_largest_card_is_one_that_teams_takes(self, peer: Peer, letters: str) -> None:
        payload = {f"field_{number}": letters * 9000 for number in range(40)}
        texts = {f"fact {number}": "{{payload.field_1}}" for number in range(20)}
        tell(
            peer,
            "teams",
            call=replace(CALL, payload=payload),
            title="{{payload.field_2}}",
            text="{{payload.field_3}}" + "ü" * 9000,
            facts=texts,
            link="https://shop.example/{{payload.field_4}}",
        )
        assert 6_000 < len(peer.said[0].body) < 28_000

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "Microsoft Teams endpoint returned HTTP error 429 with ContextId x",
                ("RATE_LIMITED", True, False),
            ),
            (
                "Microsoft Teams endpoint returned HTTP error 413 with ContextId x",
                ("EXECUTION_FAILED", False, False),
            ),
            ("Error contacting Microsoft Teams endpoint", ("EXECUTION_FAILED", True, True)),
        ],
    )
    def test_a_200_that_says_in_its_text_that_nothing_was_delivered_is_no_success(
        self, peer: Peer, text: str, expected: tuple[Any, ...]
    ) -> None:
        said = f"Webhook message delivery failed with error: {text}".encode()
        peer.answers(200, said, {"Content-Type": "text/plain; charset=utf-8"})
        found = refused(peer, "teams")
        assert (found.code, found.retryable, found.unknown) == expected
        peer.answers(200, b"1", {"Content-Type": "text/plain; charset=utf-8"})
        assert tell(peer, "teams").body["sent"] is True

    def test_wrong_settings_are_named(self) -> None:
        found = problems("teams", titel="x", facts={"a": 1}, link="{{x}}")
        assert set(found) == {"url", "titel", "facts", "link"}
        assert 'did you mean "title"' in found["titel"]


class TestPagerDuty:
    def test_an_alert_is_triggered_and_resolved_by_the_same_key(self, peer: Peer) -> None:
        peer.answers(202, {"status": "success", "message": "Event processed", "dedup_key": "k"})
        config = {
            "summary": "{{payload.order_id}} is stuck",
            "severity": "critical",
            "custom_details": {"order": "{{payload.order_id}}"},
            "link": "https://shop.example",
            "messages": {"order_unstuck": {"event_action": "resolve"}},
        }
        assert tell(peer, "pagerduty", **config).body == {
            "provider": "notices",
            "sent": True,
            "dedup_key": "k",
        }
        assert sent(peer) == {
            "routing_key": ROUTING,
            "event_action": "trigger",
            "dedup_key": "ecommerce:acme-store:a-1",
            "payload": {
                "summary": "o-1 is stuck",
                "source": "acme-store",
                "severity": "critical",
                "custom_details": {"order": "o-1"},
            },
            "links": [{"href": "https://shop.example", "text": "Open"}],
        }
        tell(peer, "pagerduty", call=replace(CALL, action_type="order_unstuck"), **config)
        assert sent(peer) == {
            "routing_key": ROUTING,
            "event_action": "resolve",
            "dedup_key": "ecommerce:acme-store:a-1",
        }

    def test_what_is_too_long_is_cut_and_an_odd_severity_is_an_error(self, peer: Peer) -> None:
        peer.answers(202, {"status": "success"})
        call = replace(CALL, payload={"long": "x" * 3000, "how": "sehr schlimm"})
        long = "{{payload.long}}"
        for _ in range(2):
            tell(peer, "pagerduty", call=call, summary=long, dedup_key=long, severity="{{payload.how}}")
        first, second = (json.loads(one.body) for one in peer.said)
        assert first == second
        assert (len(first["payload"]["summary"]), len(first["dedup_key"])) == (1024, 64)
        assert first["payload"]["severity"] == "error"

    def test_a_large_payload_takes_no_alert_with_it(self, peer: Peer) -> None:
        peer.answers(202, {"status": "success"})
        payload = {"note": "x" * 600_000, "name": "o-1"}
        texts = {"source": "{{payload.note}}", "component": "{{payload.note}}", "link": "{{payload.note}}"}
        tell(peer, "pagerduty", call=replace(CALL, payload=payload), summary="{{payload.name}}", **texts)
        assert len(peer.said[0].body) < 512_000
        assert sent(peer)["payload"]["summary"] == "o-1"

    def test_a_refusal_says_what_is_wrong_and_an_alert_without_key_is_not_sent(self, peer: Peer) -> None:
        peer.answers(
            400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["no source"]}
        )
        assert refused(peer, "pagerduty").message == "HTTP 400: Event object is invalid: no source"
        peer.said.clear()
        assert "dedup_key" in refused(peer, "pagerduty", dedup_key="{{payload.none}}").message
        assert "event_action" in refused(peer, "pagerduty", event_action="{{payload.order_id}}").message
        assert peer.said == []

    def test_wrong_settings_are_named(self) -> None:
        found = problems(
            "pagerduty",
            {"routing_key": "e+kd5BWM"},
            severity="bad",
            event_action="triger",
            custom_details=[1],
        )
        assert set(found) == {"routing_key", "severity", "event_action", "custom_details"}
        assert 'did you mean "trigger"' in found["event_action"]


class TestTwilio:
    def test_a_text_goes_out_as_twilio_reads_it(self, peer: Peer) -> None:
        peer.answers(201, {"sid": "SM1", "status": "queued", "to": "+4915112345678", "body": "o-1!"})
        assert tell(peer, "twilio").body == {
            "provider": "notices",
            "sent": True,
            "sid": "SM1",
            "status": "queued",
        }
        request = peer.said[0]
        assert request.path == f"/hook/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        expected = [("To", "+4915112345678"), ("From", "+15005550006"), ("Body", "o-1!")]
        assert parse_qsl(request.body.decode()) == expected
        assert base64.b64decode(request.headers["authorization"][6:]).decode() == f"{ACCOUNT}:t0ken-t0ken"

    def test_a_key_signs_in_for_the_account_and_a_service_is_the_sender(self, peer: Peer) -> None:
        peer.answers(201, {"sid": "SM1"})
        config = {"account_sid": ACCOUNT, "api_key_sid": API_KEY, "messaging_service_sid": SERVICE}
        settings = ProviderSettings(
            "notices",
            "twilio",
            {"url": peer.url, **config, "to": "+15005550001", "body": "x"},
            {"auth_token": "s" * 9},
        )
        assert KINDS["twilio"].check(settings.config, settings.secrets) == []
        called(KINDS["twilio"], settings, CALL)
        assert base64.b64decode(peer.said[0].headers["authorization"][6:]).decode() == f"{API_KEY}:{'s' * 9}"
        assert ("MessagingServiceSid", SERVICE) in parse_qsl(peer.said[0].body.decode())

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (400, 21211, ("EXECUTION_FAILED", False)),
            (400, 21610, ("EXECUTION_FAILED", False)),
            (400, 21611, ("RATE_LIMITED", True)),
            (429, 20429, ("RATE_LIMITED", True)),
            (401, 20003, ("EXECUTION_FAILED", False)),
        ],
    )
    def test_a_refusal_is_read_by_its_code_and_tells_no_number(
        self, peer: Peer, status: int, code: int, expected: tuple[str, bool]
    ) -> None:
        message = "The 'To' number +4915112345678 is not a valid phone number."
        peer.answers(status, {"code": code, "message": message, "status": status})
        found = refused(peer, "twilio")
        assert (found.code, found.retryable, found.unknown) == (*expected, False)
        assert str(code) in found.message
        assert "4915112345678" not in found.message

    @pytest.mark.parametrize("code", [None, "21211"])
    def test_without_its_code_twilios_words_are_not_passed_on_either(self, peer: Peer, code: Any) -> None:
        peer.answers(400, {"code": code, "message": "The 'To' number +4915112345678 is not valid."})
        assert refused(peer, "twilio").message == "HTTP 400"

    def test_what_twilio_would_refuse_is_not_sent(self, peer: Peer) -> None:
        for number in ("+4915112345678,+4915187654321", "", None, 4915112345678, "+0123"):
            payload = {**CALL.payload, "phone": number}
            with pytest.raises(ProviderError) as caught:
                tell(peer, "twilio", call=replace(CALL, payload=payload))
            assert (caught.value.retryable, caught.value.unknown) == (False, False)
        assert "1600" in refused(peer, "twilio", body="x" * 1601).message
        assert peer.said == []

    def test_wrong_settings_are_named(self) -> None:
        found = problems("twilio", account_sid="AC1", **{"from": "a name that is too long"})
        assert set(found) == {"account_sid", "from", "to", "body", "auth_token"}


def test_of_those_who_know_no_message_again_an_unknown_outcome_is_never_repeated(peer: Peer) -> None:
    assert {name: KINDS[name].repeatable for name in SETTINGS} == {
        "slack": False,
        "teams": False,
        "pagerduty": True,
        "twilio": False,
    }
    peer.reply = hang_up
    for kind in SETTINGS:
        found = refused(peer, kind)
        assert (found.code, found.unknown) == ("CONNECTION", True)
