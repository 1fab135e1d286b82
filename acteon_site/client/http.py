"""The gateway's API as typed calls. Every failure is a ClientError that says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from acteon_site.client.errors import Refused, Unreachable
from acteon_site.client.outcomes import Outcome, outcome_of
from acteon_site.client.sse import StreamEvent, events_of, lines_of

Json = dict[str, Any]
STREAM_SILENCE_SECONDS = 40  # the gateway pings every 15


class GatewayClient:
    """One connection pool to one gateway. `timeout` in seconds covers a dispatch that runs inline (20 s)."""

    def __init__(self, url: str, api_key: str | None = None, *, timeout: float = 30) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # The environment's proxies are not asked: the gateway is usually on this machine.
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, method: str, path: str, *, accept: Sequence[int] = (), **options: Any) -> Json:
        """Send one request; answers its JSON object ({} for 204). Statuses in `accept` are no errors."""
        response = self._send(method, path, **options)
        body = _json(response)
        if response.is_success or response.status_code in accept:
            return body if isinstance(body, dict) else {"value": body}
        raise Refused(method, path, response.status_code, body if isinstance(body, dict) else {})

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unreachable(self.url, type(error).__name__) from error

    def dispatch(self, action: Mapping[str, Any], *, demo_now: str | None = None) -> Outcome:
        """Send one action. `demo_now` (RFC 3339) sets the rules' clock; embedded gateways alone accept it."""
        headers = {"X-Demo-Now": demo_now} if demo_now else {}
        answer = self.call("POST", "/v1/dispatch", json=action, headers=headers)
        return outcome_of(answer["value"] if set(answer) == {"value"} else answer)

    def health(self) -> Json:
        return self.call("GET", "/health")

    def rule_enable(self, name: str, enabled: bool) -> Json:
        return self.call("PUT", f"/v1/rules/{_part(name)}/enabled", json={"enabled": enabled})

    def audit(self, **filters: Any) -> Json:
        return self.call("GET", "/v1/audit", params=filters)

    def audit_of(self, action_id: str) -> Json | None:
        """The newest dispatch or release outcome of an action, or None."""
        record = self.call("GET", f"/v1/audit/{_part(action_id)}", accept=(404,))
        return record if "outcome" in record else None

    def chain(self, chain_id: str) -> Json:
        return self.call("GET", f"/v1/chains/{_part(chain_id)}")

    def chains(self, namespace: str, tenant: str, **filters: Any) -> list[Json]:
        return self._listed("chains", namespace=namespace, tenant=tenant, **filters)

    def events(self, namespace: str, tenant: str, **filters: Any) -> list[Json]:
        return self._listed("events", namespace=namespace, tenant=tenant, **filters)

    def event(self, fingerprint: str, namespace: str, tenant: str) -> Json:
        scope = {"namespace": namespace, "tenant": tenant}
        return self.call("GET", f"/v1/events/{_part(fingerprint)}", params=scope)

    def transition(self, fingerprint: str, to: str, namespace: str, tenant: str) -> Json:
        body = {"to": to, "namespace": namespace, "tenant": tenant}
        return self.call("PUT", f"/v1/events/{_part(fingerprint)}/transition", json=body)

    def providers_health(self) -> list[Json]:
        return self._listed("providers", "providers/health")

    def circuit_breakers(self) -> list[Json]:
        return self._listed("circuit_breakers", "circuit-breakers")

    def quotas(self, namespace: str, tenant: str) -> list[Json]:
        return self._listed("quotas", namespace=namespace, tenant=tenant)

    def quota_usage(self, quota_id: str) -> Json:
        return self.call("GET", f"/v1/quotas/{_part(quota_id)}/usage")

    def retention_policies(self, namespace: str, tenant: str) -> list[Json]:
        return self._listed("policies", "retention", namespace=namespace, tenant=tenant)

    def _listed(self, key: str, path: str = "", **query: Any) -> list[Json]:
        """The list below `key` in the answer of /v1/<path>, which is mostly called like it."""
        return list(self.call("GET", f"/v1/{path or key}", params=query)[key])

    @contextmanager
    def stream(self, **filters: str) -> Iterator[Iterator[StreamEvent]]:
        """Listen to /v1/stream; the listener is registered once this is entered.

        Iterating raises Unreachable when the connection breaks or stays silent beyond the gateway's pings.
        """
        headers = {"Accept": "text/event-stream"}
        silence = httpx.Timeout(10, read=STREAM_SILENCE_SECONDS)
        try:
            with self._http.stream(
                "GET", "/v1/stream", params=filters, headers=headers, timeout=silence
            ) as response:
                if not response.is_success:
                    response.read()
                    raise Refused("GET", "/v1/stream", response.status_code, _json(response) or {})
                yield events_of(lines_of(response.iter_bytes()))
        except httpx.HTTPError as error:
            raise Unreachable(self.url, type(error).__name__) from error


def _json(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else {}
    except ValueError:
        return {"message": f"not JSON: {response.text[:120]!r}"}


def _part(text: str) -> str:
    return quote(text, safe="")
