"""Model fields shared by all apps."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import msgspec
from fernet_fields import EncryptedTextField


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, UnicodeEncodeError):  # subclasses of plain kinds; a lone surrogate
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class EncryptedJSONField(EncryptedTextField):
    """JSON, encrypted at rest with FERNET_KEYS. It cannot be filtered on; null stays null."""

    # What django-stubs reads: any JSON value may be assigned, and comes back.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None:
            return None
        text = _json(value)
        return super().get_db_prep_save(text, connection)  # type: ignore[no-untyped-call]

    def from_db_value(self, value: Any, expression: Any, connection: Any, *more: Any) -> Any:
        return None if value is None else self.to_python(_decrypted(self, bytes(value)))

    def get_prep_value(self, value: Any) -> Any:
        """TextField would parse the text that is about to be encrypted."""
        return value

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: Any) -> str:
        return json.dumps(self.value_from_object(obj))


@lru_cache(maxsize=2048)
def _decrypted(field: EncryptedJSONField, token: bytes) -> str:
    """A run's row is read again at each of its turns. No two values share a token, whoever encrypts them."""
    text: str = field.fernet.decrypt(token).decode()
    return text
