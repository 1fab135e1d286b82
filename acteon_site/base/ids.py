"""Identifiers: UUIDv7, so that new rows land at the end of every index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def as_uuid(text: str) -> UUID | None:
    """The UUID that the text spells, or None: a made-up id is simply not found."""
    try:
        return UUID(text)
    except ValueError:
        return None
