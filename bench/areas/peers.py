"""Whom the gateway tells: a subscriber, and services that know no Idempotency-Key.

Both fail by chance before they took what was sent, hang up or answer 500 after it, until `trouble` is 0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

ACCOUNT, SID_TOKEN = "AC" + "0" * 32, "bench-twilio-token"
ROUTING_KEY = "0123456789abcdef" * 2
CLIENT, CLIENT_SECRET = "bench", "bench-client-secret"
HMAC_KEY = "bench-hmac-key-of-the-carrier"
TOKEN_SECONDS = 3  # then it is refused, though the gateway was told that it is good for an hour
KINDS = ("slack", "teams", "twilio", "pagerduty", "carrier")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Its caller was killed."""


class _Peer(ABC):
    def __init__(self, seed: int, trouble: float) -> None:
        self.trouble = trouble
        self._chance, self._lock, peer = random.Random(seed), threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with peer._lock:
                    luck = peer._chance.random()
                    taken = None if luck < peer.trouble / 3 else peer.take(self.path, self.headers, body)
                if taken is None:
                    self._send(503, {"error": "not now"})
                elif taken[0] < 300 and luck < peer.trouble * 2 / 3:
                    self.close_connection = True  # it was taken, and nobody hears of it
                elif taken[0] < 300 and luck < peer.trouble:
                    self._send(500, {"error": "lost after it was taken"})
                else:
                    self._send(*taken)

            def _send(self, status: int, body: Any) -> None:
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header(
                    "Content-Type", "text/plain" if isinstance(body, str) else "application/json"
                )
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @abstractmethod
    def take(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Do what is asked. The status and the answer, a text or what is sent as JSON."""

    def stop(self) -> None:
        self._server.shutdown()


class Subscriber(_Peer):
    """Takes each event at last. `taken` in the order of the answers: webhook-id, action and number."""

    def __init__(self, seed: int) -> None:
        self.taken: list[tuple[str, str, int]] = []
        super().__init__(seed, 0.15)

    def take(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        data = json.loads(body)["data"]
        self.taken.append((headers["webhook-id"], data.get("action_id", ""), int(data["id"])))
        return 204, ""


class Messengers(_Peer):
    """Slack, Teams, Twilio, PagerDuty and a carrier behind OAuth 2 and HMAC. `effects`: kind and action of each.

    PagerDuty knows an alert by its dedup_key, the carrier a parcel by its Idempotency-Key; the others do all they are
    sent. `wrong`: what no request may be.
    """

    def __init__(self, seed: int) -> None:
        self.effects: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._known: set[tuple[str, str]] = set()
        self._tokens: dict[str, float] = {}  # until when each is good
        super().__init__(seed, 0.2)

    def take(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        if path == "/token":
            return self._signed_in(headers)
        kind = path.strip("/").partition("/")[0]
        if kind == "twilio":
            self._check(path.endswith(f"/Accounts/{ACCOUNT}/Messages.json"), "Twilio's path")
            self._check(_basic(headers) == (ACCOUNT, SID_TOKEN), "Twilio's sign-in")
            return self._done(
                kind, dict(parse_qsl(body.decode()))["Body"], 201, {"sid": "SM1", "status": "queued"}
            )
        said = json.loads(body)
        if kind == "slack":
            return self._done(kind, said["text"], 200, "ok")
        if kind == "teams":
            text = said["attachments"][0]["content"]["body"][1]["text"]
            return self._done(kind, text.replace("\\", ""), 202, "")
        if kind == "pagerduty":
            self._check(said["routing_key"] == ROUTING_KEY, "PagerDuty's routing key")
            answer = {"status": "success", "dedup_key": said["dedup_key"]}
            return self._done(kind, said["dedup_key"], 202, answer, once=said["dedup_key"])
        return self._carried(path, headers, body)

    def _signed_in(self, headers: Any) -> tuple[int, Any]:
        self._check(_basic(headers) == (CLIENT, CLIENT_SECRET), "the client's sign-in")
        token = f"token-{len(self._tokens)}"
        self._tokens[token] = time.monotonic() + TOKEN_SECONDS
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def _carried(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        if time.monotonic() > self._tokens.get(headers["Authorization"].removeprefix("Bearer "), 0):
            return 401, {"error": "no such token"}
        signed = "\n".join((headers["X-Timestamp"], "POST", path, "")).encode() + body
        good = hmac.new(HMAC_KEY.encode(), signed, hashlib.sha256).hexdigest()
        self._check(hmac.compare_digest(good, headers["X-Signature"]), "the carrier's signature")
        parcel = json.loads(body)["parcel"]
        return self._done("carrier", parcel, 200, {"accepted": parcel}, once=headers["Idempotency-Key"])

    def _done(self, kind: str, action: str, status: int, answer: Any, once: str = "") -> tuple[int, Any]:
        if not once or (kind, once) not in self._known:
            self._known.add((kind, once))
            self.effects.append((kind, action))
        return status, answer

    def _check(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


def _basic(headers: Any) -> tuple[str, str]:
    user, _, password = (
        base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    )
    return user, password


def providers(url: str) -> list[Mapping[str, Any]]:
    """As a shop's providers.yaml has them, behind `url`."""
    text = {"text": "{{action_id}}"}
    carrier = {
        "type": "webhook",
        "url": f"{url}/carrier/parcels",
        "oauth": {"token_url": f"{url}/token", "client_id": CLIENT},
        "oauth_client_secret": CLIENT_SECRET,
        "hmac": {"signed": ["timestamp", "method", "path", "body"]},
        "hmac_key": HMAC_KEY,
    }
    twilio = {"account_sid": ACCOUNT, "from": "+15005550006", "to": "+4915112345678", "body": "{{action_id}}"}
    kinds: dict[str, dict[str, Any]] = {
        "slack": {"url": f"{url}/slack", **text},
        "teams": {"url": f"{url}/teams", **text},
        "twilio": {"url": f"{url}/twilio", **twilio, "auth_token": SID_TOKEN},
        "pagerduty": {"url": f"{url}/pagerduty", "dedup_key": "{{action_id}}", "routing_key": ROUTING_KEY},
        "carrier": carrier,
    }
    return [{"name": name, "type": name, "timeout_seconds": 3, **config} for name, config in kinds.items()]
