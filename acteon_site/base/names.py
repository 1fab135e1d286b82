"""The identifier form that the whole contract shares."""

from __future__ import annotations

import unicodedata

from acteon_site.base.cards import holds_card

MAX_LENGTH = 256


CARD = "looks like a card number; names are stored and shown as they are, so send another one"


def name_problem(value: object, *, colon_allowed: bool = True, card_allowed: bool = False) -> str | None:
    """What is wrong with an identifier, or None.

    1-256 characters, no control or invisible (Cc, Cf, Cs) characters, no white space at the ends, no card
    number (docs/decisions/redaction.md says why), and for namespace, tenant and provider no colon.
    """
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not 1 <= len(value) <= MAX_LENGTH:
        return f"must have 1 to {MAX_LENGTH} characters, has {len(value)}"
    if value != value.strip():
        return "must not begin or end with white space"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in value):
        return "must not hold control or invisible characters"
    if not colon_allowed and ":" in value:
        return "must not hold a colon"
    if not card_allowed and holds_card(value):
        return CARD
    return None
