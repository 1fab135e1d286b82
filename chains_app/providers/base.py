"""What every kind of provider is: a Call goes in, and an Answer or a ProviderError comes out."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from acteon_site.base.errors import FieldProblem

# The contract's Failed.code values.
NOT_FOUND = "PROVIDER_NOT_FOUND"
EXECUTION_FAILED = "EXECUTION_FAILED"
TIMEOUT = "TIMEOUT"
CONNECTION = "CONNECTION"
CONFIGURATION = "CONFIGURATION"
RATE_LIMITED = "RATE_LIMITED"
SERIALIZATION = "SERIALIZATION"

MAX_CONCURRENT = 50


class Runs(Enum):
    """How a kind's `call` is run."""

    AT_ONCE = "in the thread that asks: it waits for nobody"
    ON_LOOP = "as a coroutine beside hundreds of others, which it must never block"
    IN_THREAD = "in a thread of its own: it blocks"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. The same `idempotency_key` means the same effect, however often it is sent."""

    provider: str
    action_type: str
    payload: Mapping[str, Any]
    namespace: str
    tenant: str
    action_id: str
    idempotency_key: str
    timeout_seconds: float
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # The headers of the trace that the action belongs to; empty where it has none.
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered. `body` is always an object; a bare value arrives as {"value": ...}."""

    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class ProviderError(Exception):
    """A call that did not succeed.

    `retryable`: the same call may succeed later. `unknown`: it may have taken effect, nobody can tell.
    `retry_after` in seconds where the provider asked for a pause. The message holds no secret and no URL.
    `settles`: the provider itself has judged this very key, so an earlier call with it that nobody heard back
    from took no effect either. A refusal by anything on the way (ourselves, a key, an address) proves nothing.
    """

    code: str
    message: str
    retryable: bool = False
    unknown: bool = False
    retry_after: float | None = None
    settles: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """A configured provider. `secrets` must reach nothing but the wire, nor may the address in `config`.

    `max_concurrent`: how many calls to it each process may have in flight.
    """

    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 10
    idempotency_window_seconds: int = 82_800
    enabled: bool = True
    max_concurrent: int = MAX_CONCURRENT


class ProviderKind(Protocol):
    """One file per kind. `repeatable`: a call of unknown outcome may be sent again with its key.

    `call` is a coroutine where it runs ON_LOOP, else a plain function.
    """

    name: str
    runs: Runs
    repeatable: bool
    config_keys: frozenset[str]
    secret_keys: frozenset[str]

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[FieldProblem]:
        """What is wrong with the settings; fields are the keys themselves: `url`, `headers.X-Key`."""
        ...

    def call(self, settings: ProviderSettings, call: Call) -> Answer | Coroutine[Any, Any, Answer]:
        """One attempt, within call.timeout_seconds. Raises ProviderError."""
        ...
