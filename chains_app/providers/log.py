"""`log`: writes a log line and answers {"provider": <name>, "logged": true}. For demos and for dry ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from acteon_site.base.errors import FieldProblem
from chains_app.definitions.reader import Problems, Reader
from chains_app.providers.base import Answer, Call, ProviderSettings, Runs

log = structlog.get_logger()


class LogKind:
    name = "log"
    repeatable = True
    runs = Runs.AT_ONCE
    config_keys: frozenset[str] = frozenset()
    secret_keys: frozenset[str] = frozenset()

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        problems = Problems()
        Reader({**config, **secrets}, "", self.config_keys, problems)
        return problems.found

    def call(self, settings: ProviderSettings, call: Call) -> Answer:
        # Names of fields only: values are the customer's.
        log.info(
            "provider_logged",
            provider=settings.name,
            action_type=call.action_type,
            action_id=call.action_id,
            idempotency_key=call.idempotency_key,
            fields=sorted(call.payload),
        )
        return Answer({"provider": settings.name, "logged": True})
