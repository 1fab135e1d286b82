"""Passkeys as a second step, by the rules of WebAuthn as the library fido2 checks them. Imported where it is used."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from acteon_site.access.second_steps import ISSUER
from acteon_site.access.whence import is_named_host
from acteon_site.base.errors import AppError, conflict, invalid
from acteon_site.models import SecondStep

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

NOT_SO = "the passkey did not prove itself; try again"
MOST = 10
MAX_NAME = 100


def passkeys_work(request: HttpRequest) -> bool:
    """Browsers keep passkeys for a name, over TLS or for this machine; never for a bare address."""
    return is_named_host(request) and (request.is_secure() or _host(request) == "localhost")


def passkey_offer(request: HttpRequest, user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the browser is asked to make a new passkey by, and what has to be kept meanwhile."""
    from fido2.webauthn import PublicKeyCredentialUserEntity, UserVerificationRequirement

    if len(known := _known(user)) >= MOST:
        raise conflict(f"a person has at most {MOST} passkeys")
    name = user.get_username()
    entity = PublicKeyCredentialUserEntity(id=str(user.pk).encode(), name=name, display_name=name)
    options, state = _server(request).register_begin(
        entity, known, user_verification=UserVerificationRequirement.PREFERRED
    )
    return dict(options), state


def passkey_add(request: HttpRequest, *, user: User, name: str, state: Any, answer: Any) -> None:
    """Raises 422 where the browser's answer does not fit what it was asked."""
    try:
        made = _server(request).register_complete(state, answer).credential_data
    except Exception as error:  # the library raises many kinds at what a browser, or anybody, may send
        raise invalid(NOT_SO) from error
    assert made is not None  # noqa: S101 - a registration has one
    try:
        with transaction.atomic():
            SecondStep.objects.create(
                user=user,
                kind=SecondStep.Kind.PASSKEY,
                name=name.strip()[:MAX_NAME] or SecondStep.Kind.PASSKEY.label,
                secret=b64encode(bytes(made)).decode(),
                mark=_mark(made.credential_id),
            )
    except IntegrityError:
        raise conflict("this passkey is yours already") from None


def passkey_question(request: HttpRequest, user: User) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What the browser is asked to prove one of the person's passkeys by; None where there is none."""
    known = _known(user)
    if not known:
        return None
    options, state = _server(request).authenticate_begin(known)
    return dict(options), state


def passkey_check(request: HttpRequest, *, user: User, state: Any, answer: Any) -> bool:
    """Whether the answer is to this question, of a passkey of this person, and no older than one before it."""
    from fido2.webauthn import AuthenticationResponse

    try:
        given = AuthenticationResponse.from_dict(answer)
        found = _server(request).authenticate_complete(state, _known(user), given)
        counted = given.response.authenticator_data.counter
    except (
        Exception
    ):  # what a browser sent is decoded in there, and each part of it raises in its own way: no proof
        return False
    rows = SecondStep.objects.filter(user=user, kind=SecondStep.Kind.PASSKEY, mark=_mark(found.credential_id))
    # Passkeys that are kept in several places always say 0. One that counts, and counts back, is a copy.
    fresh = rows.filter(counter__lt=counted) if counted else rows.filter(counter=0)
    return bool(fresh.update(counter=counted, last_used_at=timezone.now()))


def _server(request: HttpRequest) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    if not passkeys_work(request):
        raise AppError("passkeys need https and a name in the address", "VALIDATION", 422)
    return Fido2Server(PublicKeyCredentialRpEntity(name=ISSUER, id=_host(request)))


def _known(user: User) -> list[AttestedCredentialData]:
    from fido2.webauthn import AttestedCredentialData

    rows = SecondStep.objects.filter(user=user, kind=SecondStep.Kind.PASSKEY)
    return [AttestedCredentialData(b64decode(row.secret)) for row in rows]


def _host(request: HttpRequest) -> str:
    return request.get_host().rsplit(":", 1)[0]


def _mark(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()
