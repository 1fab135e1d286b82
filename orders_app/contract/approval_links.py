"""Signed approval links: HMAC-SHA256 over length-prefixed lines, the decision among them.

message = len(ns):ns LF len(tenant):tenant LF len(id):id LF expires_at LF decision
Lengths count UTF-8 bytes; `expires_at` is whole seconds since 1970; the signature is lower-case hex. A link for
one decision cannot make the other. Keys are named by `kid`; the first configured one signs, all of them verify.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

APPROVE, REJECT = "approve", "reject"
DECISIONS = (APPROVE, REJECT)


@dataclass(frozen=True, slots=True)
class LinkTarget:
    namespace: str
    tenant: str
    approval_id: str
    expires_at: int

    @property
    def path(self) -> str:
        parts = (quote(part, safe="") for part in (self.namespace, self.tenant, self.approval_id))
        return "/v1/approvals/" + "/".join(parts)


def signature(key: str, target: LinkTarget, decision: str) -> str:
    lines = [f"{len(text.encode())}:{text}" for text in (target.namespace, target.tenant, target.approval_id)]
    message = "\n".join([*lines, str(target.expires_at), decision])
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def signed_link(base_url: str, keys: Mapping[str, str], target: LinkTarget, decision: str) -> str:
    kid, key = next(iter(keys.items()))
    query = urlencode({"sig": signature(key, target, decision), "expires_at": target.expires_at, "kid": kid})
    return f"{base_url}{target.path}/{decision}?{query}"


def verified(keys: Mapping[str, str], target: LinkTarget, decision: str, given: str, kid: str | None) -> bool:
    """Whether `given` is the signature of this decision, by the named key or (where none is named) by any."""
    candidates = list(keys.values()) if kid is None else [keys[kid]] if kid in keys else []
    return any(
        hmac.compare_digest(signature(key, target, decision).encode(), given.encode()) for key in candidates
    )
