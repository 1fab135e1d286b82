"""Whose account the provider's person has here. Nobody gets one but by an administrator or by a group of the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from acteon_site.access.oidc.provider import OidcError
from acteon_site.models import OidcIdentity

LONGEST_NAME = 150


def person_from(claims: Mapping[str, Any]) -> User:
    """Who signs in, his groups as the provider has them now. Raises OidcError where nobody here is meant."""
    user = _person(claims)
    # Asked once the groups are stored: whoever has lost them there has lost them here, too.
    if not user.is_active or not user.is_staff:
        raise OidcError("the account may not sign in")
    if settings.OIDC_GROUPS and not user.is_superuser and not user.groups.exists():
        raise OidcError("the provider names no group that may do anything here")
    return user


@transaction.atomic
def _person(claims: Mapping[str, Any]) -> User:
    groups = mapped_groups(claims)
    known = OidcIdentity.objects.select_related("user").filter(
        issuer=settings.OIDC_ISSUER, subject=claims["sub"]
    )
    identity = known.first()
    user = identity.user if identity else _linked(claims) or _made(claims, groups)
    _follow_groups(user, groups)
    return user


def mapped_groups(claims: Mapping[str, Any]) -> set[str]:
    """The gateway's groups for those that the provider names, by ACTEON_OIDC_GROUPS."""
    named = claims.get(settings.OIDC_GROUPS_CLAIM, [])
    values = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    return {
        settings.OIDC_GROUPS[one] for one in values if isinstance(one, str) and one in settings.OIDC_GROUPS
    }


def _mail(claims: Mapping[str, Any]) -> str:
    """The person's address, where the provider has verified it and its domain is ours; else empty."""
    mail = claims.get("email")
    if not isinstance(mail, str) or claims.get("email_verified") is not True:
        return ""
    domain = mail.rpartition("@")[2].lower()
    return mail if domain in settings.OIDC_DOMAINS else ""


def _linked(claims: Mapping[str, Any]) -> User | None:
    """The one account that an administrator made with this address. Never a superuser's: it has a password."""
    mail = _mail(claims)
    if not mail:
        return None
    found = list(User.objects.filter(email__iexact=mail, is_superuser=False, oidc_identity=None)[:2])
    if len(found) != 1:
        return None
    _remember(found[0], claims)
    return found[0]


def _made(claims: Mapping[str, Any], groups: set[str]) -> User:
    mail = _mail(claims)
    if not groups or not mail:
        raise OidcError("no account here, and neither a group of the map nor a verified address of ours")
    name = mail.lower()[:LONGEST_NAME]
    if User.objects.filter(username__iexact=name).exists():
        raise OidcError("the account of that name belongs to somebody else")
    user = User(username=name, email=mail, is_staff=True)
    user.set_unusable_password()
    user.save()
    _remember(user, claims)
    return user


def _remember(user: User, claims: Mapping[str, Any]) -> None:
    try:
        with transaction.atomic():
            OidcIdentity.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=claims["sub"])
    except IntegrityError:
        raise OidcError("somebody signs in by this identity just now") from None


def _follow_groups(user: User, groups: set[str]) -> None:
    """Of the groups in the map the person has those that the provider names; others are the administrator's."""
    if not settings.OIDC_GROUPS:
        return
    governed = Group.objects.filter(name__in=set(settings.OIDC_GROUPS.values()))
    user.groups.remove(*governed.exclude(name__in=groups))
    user.groups.add(*governed.filter(name__in=groups))
