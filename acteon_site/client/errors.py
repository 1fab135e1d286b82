"""What can go wrong between a command and the gateway, each with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXIT_DIFFERENT = 1  # it worked, but something is not as expected
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4


class ClientError(Exception):
    """Base; the text says what to do, `exit_code` is what the command ends with."""

    exit_code = EXIT_DIFFERENT


class Unreachable(ClientError):
    """Nobody answers at the address, or the connection broke."""

    exit_code = EXIT_UNREACHABLE

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"No gateway answers at {url} ({reason}).\n"
            "Start one with `make demo` or `python manage.py serve`, or name another with --url."
        )


class Refused(ClientError):
    """The gateway answered with an error: its status, code, message and details."""

    exit_code = EXIT_REFUSED

    def __init__(self, method: str, path: str, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.message = str(body.get("message") or body.get("error") or "no message")
        details = "".join(f"\n  {d.get('field')}: {d.get('message')}" for d in body.get("details") or ())
        super().__init__(f"{method} {path} → {status} {self.code}: {self.message}{details}{_advice(status)}")


def _advice(status: int) -> str:
    redirects = "\nIt redirects, as a rule to https: give its public address with --url or ACTEON_URL."
    return {
        **dict.fromkeys((301, 302, 307, 308), redirects),
        401: "\nGive a key: --api-key or ACTEON_API_KEY; `python manage.py create_api_key NAME` makes one.",
        403: "\nThis key's role or scope does not allow it; `create_api_key --role admin` makes a wider one.",
        404: "\nIs this the gateway's address? Check --url.",
        429: "\nToo many requests: wait and run it again.",
        503: "\nThe gateway is up but cannot decide yet: load the pipeline with "
        "`python manage.py load_pipeline fixtures/ecommerce`.",
    }.get(status, "")
