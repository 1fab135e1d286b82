"""Which columns are encrypted at rest, and by which of FERNET_KEYS a stored value was."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models
from fernet_fields import EncryptedField
from fernet_fields.hkdf import derive_fernet_key


def encrypted_models() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        if model._meta.proxy:
            continue
        fields = [field.name for field in model._meta.fields if isinstance(field, EncryptedField)]
        if fields:
            yield model, fields


def key_of(token: bytes) -> int | None:
    """The place in FERNET_KEYS of the key that reads it; None where none does."""
    for place, key in enumerate(_fernets(tuple(settings.FERNET_KEYS))):
        try:
            key.decrypt(token)
        except InvalidToken:
            continue
        return place
    return None


@lru_cache(maxsize=2)
def _fernets(keys: tuple[str, ...]) -> list[Fernet]:
    return [Fernet(derive_fernet_key(key)) for key in keys]
