"""A storefront that checks every answer: status, content type, request id, and each key of the body.

What the API's own description says of it is checked beside, by tests.contract.described.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rest_framework.test import APIClient

from tests.contract import described
from tests.contract.shapes import ERROR
from tests.contract.strict import Check
from tests.world import OPEN_HOURS


class Strict:
    """`get`, `post`, … answer the parsed body once it fits `shape`; `refused` expects an error."""

    def __init__(self, secret: str | None = None, **headers: str) -> None:
        self.http = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
        self.headers = {"X-Demo-Now": OPEN_HOURS, **headers}
        if secret:
            self.headers["Authorization"] = f"Bearer {secret}"
        self.last: Any = None

    def get(self, path: str, shape: Check, **query: Any) -> Any:
        return self.call("GET", path, shape, query=query)

    def post(self, path: str, shape: Check, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        return self.call("POST", path, shape, body=body, status=status, **more)

    def put(self, path: str, shape: Check, body: Any, **more: Any) -> Any:
        return self.call("PUT", path, shape, body=body, **more)

    def delete(self, path: str, **query: Any) -> None:
        """204 with an empty body."""
        answer = self.send("DELETE", path, query=query)
        assert answer.status_code == 204, answer.content
        assert answer.content == b""

    def call(self, method: str, path: str, shape: Check, *, status: int = 200, **more: Any) -> Any:
        answer = self.send(method, path, **more)
        assert answer.status_code == status, (answer.status_code, answer.content)
        body = answer.json()
        shape(body, "$")
        return body

    def refused(
        self, method: str, path: str, status: int, code: str = "", *, shape: Check = ERROR, **more: Any
    ) -> dict[str, Any]:
        """The error's body, which has the contract's one form."""
        answer = self.send(method, path, **more)
        assert answer.status_code == status, (answer.status_code, answer.content)
        body: dict[str, Any] = answer.json()
        shape(body, "$")
        assert body["error"] == body["message"]
        assert not code or body["code"] == code, body
        if status in (429, 503):
            assert int(answer.headers["Retry-After"]) >= 1
            assert body["retryable"]
        if status == 401:
            assert answer.headers["WWW-Authenticate"]
        if status == 422:
            assert "Traceback" not in body["message"]
        return body

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        kind: str = "application/json",
    ) -> Any:
        if query:
            pairs = "&".join(
                f"{name.rstrip('_')}={quote(str(value), safe='')}" for name, value in query.items()
            )
            path = f"{path}{'&' if '?' in path else '?'}{pairs}"
        options: dict[str, Any] = {"headers": {**self.headers, **(headers or {})}}
        if raw is not None:
            answer = self.http.generic(method, path, raw, content_type=kind, **options)
        elif method in ("GET", "HEAD", "DELETE"):
            answer = getattr(self.http, method.lower())(path, **options)
        else:
            answer = getattr(self.http, method.lower())(
                path, body if body is not None else {}, format="json", **options
            )
        self.last = answer
        assert answer.headers["X-Request-ID"], path
        described.check(method, answer)
        if answer.status_code != 204 and method != "HEAD":
            assert answer.headers["Content-Type"] == "application/json", answer.headers["Content-Type"]
        return answer


def part(text: str) -> str:
    """One path segment."""
    return quote(text, safe="")
