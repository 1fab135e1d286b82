"""What is kept of a subscriber's answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from acteon_site.base import config_versions
from audit_app.models import AuditRecord, RedactedField
from chains_app.providers.signing import SECRET_PREFIX
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.services.sending import LOOKED_AT_BYTES
from tests.chains_app.peer import Peer
from tests.subscriptions_app.receiving import happen, sent, subscribe

pytestmark = pytest.mark.django_db


def test_a_success_may_say_anything_of_any_size(peer: Peer) -> None:
    subscribe(peer)
    peer.answers(200, b"<html>4111 1111 1111 1111 \x00\xff" + b"x" * 5_000_000)
    happen("act-1")
    sent()
    assert Delivery.objects.get().status == "delivered"
    shown = DeliveryAttempt.objects.get().answer
    assert len(shown) <= 300
    assert shown.startswith("<html>")
    assert "4111" not in shown


def test_an_echoed_secret_is_in_no_row(peer: Peer) -> None:
    subscription = subscribe(peer)
    secret = subscription.secrets["current"]
    peer.answers(400, f"no {secret} {secret.removeprefix('whsec_')}".encode())
    happen("act-1")
    sent()
    assert DeliveryAttempt.objects.get().answer == "no [secret] [secret]"
    assert secret not in str(list(AuditRecord.objects.values()))


@pytest.mark.parametrize("limit", [300, 1024, LOOKED_AT_BYTES])
@pytest.mark.parametrize("filling", [b" ", b"\n", b"x", "\u20ac".encode()])
def test_of_a_secret_that_stands_where_an_answer_is_cut_no_part_is_kept(
    peer: Peer, filling: bytes, limit: int
) -> None:
    subscription = subscribe(peer)
    secret = subscription.secrets["current"]
    for said, half in ((secret, secret[:20]), ("4111 1111 1111 1111", "4111 11")):
        peer.answers(400, filling * ((limit - len(half)) // len(filling)) + f" {said} and so on".encode())
        happen(f"act-{half}")
        sent()
        kept = DeliveryAttempt.objects.latest("started_at").answer
        assert half[:7] not in kept
        assert half[6:12] not in kept


@pytest.mark.parametrize("mark", ['"', "'", '\\"'])
def test_a_redacted_value_that_is_longer_than_what_is_looked_at_is_kept_in_no_part(
    peer: Peer, mark: str
) -> None:
    RedactedField.objects.create(path="access_token")
    config_versions.reset()
    subscribe(peer)
    peer.answers(
        401, f"{{{mark}error{mark}: {mark}no{mark}, access_token: {mark}{'ey' * 9000}{mark}}}".encode()
    )
    happen("act-1")
    sent()
    assert "eyey" not in DeliveryAttempt.objects.get().answer


@pytest.mark.parametrize(
    "spell", [str, lambda text: text.replace("/", "\\/"), lambda text: quote(text, safe="")]
)
def test_a_secret_is_known_however_it_is_escaped(peer: Peer, spell: Callable[[str], str]) -> None:
    secret = SECRET_PREFIX + base64.b64encode(b"\xfb\xff\xfe" * 11).decode()
    row = subscribe(peer)
    Subscription.objects.filter(pk=row.pk).update(secrets={"current": secret})
    peer.answers(400, f"no {spell(secret)} {spell(secret.removeprefix(SECRET_PREFIX))}".encode())
    happen("act-1")
    sent()
    assert DeliveryAttempt.objects.get().answer == "no [secret] [secret]"


def test_an_answer_is_cut_once_its_secrets_are_out_of_it(peer: Peer) -> None:
    secret = subscribe(peer).secrets["current"]
    peer.answers(400, f"{secret} {' ' * 2000} says no".encode())
    happen("act-1")
    sent()
    assert DeliveryAttempt.objects.get().answer == "[secret] says no"
