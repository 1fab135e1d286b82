"""What a subscription says, as clients and files write it, checked."""

from __future__ import annotations

import base64
import ipaddress
import secrets as chance
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import name_problem
from audit_app.stream.filters import EVENT_TYPES, STREAM_OUTCOMES
from chains_app.definitions.reader import Problems, Reader, suggestion
from chains_app.providers.outbound import RefusedAddress, check_addresses
from chains_app.providers.signing import SECRET_PREFIX, signing_key
from chains_app.providers.webhook_checks import check_url
from subscriptions_app.matching import LISTS, matches

TEXTS = ("name", "namespace", "tenant", "url", "description", "notify_provider")
KEYS = (*TEXTS, *LISTS, "timeout_seconds", "max_concurrent", "enabled")
TIMEOUT, MOST_TIMEOUT = 15, 30
CONCURRENT, MOST_CONCURRENT = 10, 100
MOST_NAMED, LONGEST_URL = 50, 2000
SECRET_BYTES, FEWEST_BYTES, MOST_BYTES = 32, 24, 64


@dataclass(frozen=True, slots=True)
class Terms:
    """A checked subscription; the names are those of the row."""

    namespace: str
    tenant: str
    name: str
    url: str
    event_types: tuple[str, ...] = ()
    action_types: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    description: str = ""
    notify_provider: str = ""
    timeout_seconds: int = TIMEOUT
    max_concurrent: int = CONCURRENT
    enabled: bool = True

    def columns(self) -> dict[str, Any]:
        return {name: list(value) if name in LISTS else value for name, value in asdict(self).items()}


def spec_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEYS}


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(chance.token_bytes(SECRET_BYTES)).decode()


def secret_problem(value: object) -> str | None:
    """What is wrong with a signing secret, or None. Its text stands in no message."""
    if not isinstance(value, str) or not value.startswith(SECRET_PREFIX):
        return f"must be text that begins with {SECRET_PREFIX}"
    try:
        length = len(signing_key(value))
    except ValueError as error:
        return str(error)
    if not FEWEST_BYTES <= length <= MOST_BYTES:
        return f"must be {FEWEST_BYTES} to {MOST_BYTES} bytes in base64 after {SECRET_PREFIX}"
    return None


def parse_subscription(spec: Any) -> tuple[Terms | None, list[FieldProblem]]:
    """The terms, or None and everything that is wrong."""
    problems = Problems()
    reader = Reader(spec, "", KEYS, problems)
    if not isinstance(spec, Mapping):
        return None, problems.found
    names = {key: reader.name(key, required=True, colon_allowed=False) for key in ("namespace", "tenant")}
    terms = Terms(
        **names,
        name=_name(reader),
        url=_url(reader),
        event_types=_listed(reader, "event_types", EVENT_TYPES, patterns=True),
        action_types=_listed(reader, "action_types", patterns=True),
        providers=_listed(reader, "providers"),
        outcomes=_listed(reader, "outcomes", STREAM_OUTCOMES),
        description=reader.text("description"),
        notify_provider=reader.name("notify_provider", colon_allowed=False),
        timeout_seconds=reader.integer("timeout_seconds", TIMEOUT, 1, MOST_TIMEOUT),
        max_concurrent=reader.integer("max_concurrent", CONCURRENT, 1, MOST_CONCURRENT),
        enabled=_flag(reader, spec),
    )
    return (None, problems.found) if problems.found else (terms, [])


def _flag(reader: Reader, spec: Mapping[str, Any]) -> bool:
    """Null is neither: taken for the default it would switch on again what is off."""
    if "enabled" in spec and spec["enabled"] is None:
        reader.problem("enabled", "must be true or false, not null")
    return "enabled" not in spec or reader.flag("enabled")


def _name(reader: Reader) -> str:
    name = reader.name("name", required=True)
    if len(name) > 200:
        reader.problem("name", "must have at most 200 characters")
    return name


def _url(reader: Reader) -> str:
    """An address that may never be called is refused at once; a name that leads there, when it is called."""
    before = len(reader.problems.found)
    check_url(reader)
    url = reader.raw("url")
    if len(reader.problems.found) > before:
        return ""
    if len(url) > LONGEST_URL:
        reader.problem("url", f"must have at most {LONGEST_URL} characters")
    if "#" in url:
        reader.problem("url", "must hold no part behind #: it is never sent")
    parts = urlsplit(url)
    try:
        address = str(ipaddress.ip_address(parts.hostname or ""))
    except ValueError:
        return str(url)
    try:
        check_addresses(parts.hostname or "", parts.port or _port(parts.scheme), [address])
    except RefusedAddress:
        reader.problem("url", "leads to an address that is not on the public internet")
    return str(url)


def _port(scheme: str) -> int:
    return 80 if scheme == "http" else 443


def _listed(
    reader: Reader, key: str, known: Iterable[str] = (), *, patterns: bool = False
) -> tuple[str, ...]:
    values, known = reader.items(key), tuple(known)
    if len(values) > MOST_NAMED:
        reader.problem(key, f"must be at most {MOST_NAMED}")
    for index, value in enumerate(values[:MOST_NAMED]):
        problem = name_problem(value) or _unknown(value, known, patterns)
        if problem:
            reader.problem(f"{key}[{index}]", problem)
    return tuple(dict.fromkeys(str(value) for value in values))


def _unknown(value: str, known: tuple[str, ...], patterns: bool) -> str:
    """What can never come, a subscription would wait for in vain."""
    if not patterns and "*" in value:
        return "is taken as it stands: * works in event_types and action_types"
    if not known or value in known or (patterns and any(matches(value, name) for name in known)):
        return ""
    return f"can never come{suggestion(value, known)}"
