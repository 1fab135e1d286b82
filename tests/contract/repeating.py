"""Requests with an Idempotency-Key."""

from __future__ import annotations

from typing import Any

from tests.contract.client import Strict
from tests.world import SCOPE

PING = {**SCOPE, "provider": "sms-service", "action_type": "ping", "payload": {"n": 1}}
PATH = "/v1/dispatch"


def send(client: Strict, body: Any, key: str = "key-1", *, path: str = PATH, **headers: str) -> Any:
    return client.send("POST", path, body=body, headers={"Idempotency-Key": key, **headers})
