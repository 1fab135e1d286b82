"""System checks of sign-in by OpenID Connect: what is half set up is said at the start."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from acteon_site.watching.checks import INSTALLATION

PREFIX = "ACTEON_OIDC_"
NEEDED = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")
_DOMAIN = re.compile(r"[^@/\s.]+(\.[^@/\s.]+)+")
FURTHER = ("NAME", "SCOPES", "DOMAINS", "GROUPS_CLAIM", "GROUPS", "PROVES_TWO_STEPS")


@register(INSTALLATION)
def oidc_is_whole(**_: Any) -> list[CheckMessage]:
    return [*_strange_names(), *_missing(), *_wrong_issuer(), *_wrong_claims()]


@register(Tags.database)
def oidc_groups_are_there(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not (_is_on() and settings.OIDC_GROUPS and "default" in (databases or ())):
        return []
    from django.contrib.auth.models import Group

    wanted = set(settings.OIDC_GROUPS.values())
    absent = sorted(wanted - set(Group.objects.filter(name__in=wanted).values_list("name", flat=True)))
    if not absent:
        return []
    hint = (
        "Run `manage.py create_groups`, or name groups that are there: who is in these alone is not let in."
    )
    message = f"{PREFIX}GROUPS leads to groups that are not there: {', '.join(absent)}."
    return [Warning(message, hint, id="acteon.W039")]


def _is_on() -> bool:
    return bool(settings.OIDC_ISSUER or settings.OIDC_CLIENT_ID or settings.OIDC_CLIENT_SECRET)


def _strange_names() -> Iterator[CheckMessage]:
    known = [PREFIX + name for name in (*NEEDED, *FURTHER)]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            yield Error(f"{name} is no setting.", hint, id="acteon.E030")


def _missing() -> Iterator[CheckMessage]:
    missing = [PREFIX + name for name in NEEDED if not getattr(settings, f"OIDC_{name}")]
    if _is_on() and missing:
        hint = "Set all of them, or none: docs/operations.md, Sign-in by OpenID Connect."
        yield Error(f"Sign-in by OpenID Connect lacks {', '.join(missing)}.", hint, id="acteon.E031")
    if not _is_on() and (settings.OIDC_GROUPS or settings.OIDC_DOMAINS or settings.OIDC_PROVES_TWO_STEPS):
        hint = f"Set {', '.join(PREFIX + name for name in NEEDED)} as well, or take the others out."
        yield Warning("OpenID Connect has settings and no provider: it is off.", hint, id="acteon.W032")


def _wrong_issuer() -> Iterator[CheckMessage]:
    issuer = urlsplit(settings.OIDC_ISSUER)
    if not settings.OIDC_ISSUER:
        return
    if issuer.scheme not in ("http", "https") or not issuer.hostname or issuer.query or issuer.fragment:
        hint = "It is an address without query, as the provider spells it: https://login.shop.example/realms/staff"
        yield Error(f"{PREFIX}ISSUER is no issuer.", hint, id="acteon.E033")
    elif issuer.scheme == "http" and not settings.EMBEDDED:
        hint = "The client's secret goes there and truth comes from there: over TLS, in production."
        yield Error(f"{PREFIX}ISSUER is not https.", hint, id="acteon.E034")


def _wrong_claims() -> Iterator[CheckMessage]:
    if not _is_on():
        return
    if "openid" not in settings.OIDC_SCOPES:
        hint = "Without the scope openid a provider names nobody: openid,email,profile."
        yield Error(f"{PREFIX}SCOPES lacks openid.", hint, id="acteon.E035")
    if settings.OIDC_GROUPS and not settings.OIDC_GROUPS_CLAIM.strip():
        yield Error(f"{PREFIX}GROUPS needs {PREFIX}GROUPS_CLAIM.", "Mostly it is groups.", id="acteon.E036")
    odd = [one for one in settings.OIDC_DOMAINS if not _DOMAIN.fullmatch(one)]
    if odd:
        hint = "A domain is what stands behind the @ of an address: shop.example"
        yield Error(f"{PREFIX}DOMAINS has what is no domain: {', '.join(odd)}.", hint, id="acteon.E037")
    if not settings.OIDC_DOMAINS or "email" not in settings.OIDC_SCOPES:
        hint = "Name domains, and ask for the scope email: accounts are found by verified addresses of those domains."
        yield Warning("Nobody new can sign in by OpenID Connect.", hint, id="acteon.W038")
