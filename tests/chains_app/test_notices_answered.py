"""Message services and what comes back in place of their own answer: a proxy's page, a word, somebody else's JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chains_app.providers.base import ProviderError
from tests.chains_app.peer import Peer, peer_running
from tests.chains_app.test_notices import SETTINGS, refused, tell

# What each says to what it has taken, and what somebody in between says in its place.
TAKEN = {
    "slack": (200, {"ok": True, "channel": "C1", "ts": "17.1"}),
    "pagerduty": (202, {"status": "success", "message": "Event processed", "dedup_key": "k"}),
    "twilio": (201, {"sid": "SM1", "status": "queued"}),
}
BOT = {"slack": {"token": "xoxb-1"}}


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize(
    "said",
    [None, b"ok", {}, {"logged": True}, {"ok": "true", "status": "ok", "sid": None}, ["ok"]],
    ids=["nothing", "a word", "an empty object", "another's", "nearly", "a list"],
)
def test_a_success_that_is_not_the_services_own_answer_leaves_it_open_whether_it_was_sent(
    peer: Peer, kind: str, said: Any
) -> None:
    more = {"channel": "C1"} if kind == "slack" else {}
    peer.answers(*TAKEN[kind])
    assert tell(peer, kind, BOT.get(kind), **more).body["sent"] is True
    peer.answers(200, said)
    with pytest.raises(ProviderError) as caught:
        tell(peer, kind, BOT.get(kind), **more)
    assert (caught.value.retryable, caught.value.unknown, caught.value.settles) == (True, True, False)
    assert "own" in caught.value.message


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
def test_a_page_in_place_of_an_answer_leaves_it_open_whoever_was_asked(
    peer: Peer, kind: str, content_type: str
) -> None:
    peer.answers(200, b"<html><body>Please sign in</body></html>", {"Content-Type": content_type})
    caught = refused(peer, kind)
    assert (caught.retryable, caught.unknown) == (True, True)
