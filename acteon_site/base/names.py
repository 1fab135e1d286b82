"""The identifier form that the whole contract shares."""

from __future__ import annotations

import re
import unicodedata

from acteon_site.base.cards import holds_card

MAX_LENGTH = 256
SHORT_LENGTH = 200  # of what configuration is called: rules, chains, lifecycles, templates
# Shown as nothing and yet no format characters: fillers, joiners, variation selectors, the blank of Braille.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
# Most names: nothing to look for but a colon. Too few digits for a card.
_USUAL = re.compile(r"[A-Za-z_:.\-]*(?:[0-9]{1,6}[A-Za-z_:]+[A-Za-z_:.\-]*)?[0-9]{0,6}")
INVISIBLE = "must not hold control or invisible characters"


CARD = "looks like a card number; names are stored and shown as they are, so send another one"


def name_problem(
    value: object, *, colon_allowed: bool = True, card_allowed: bool = False, longest: int = MAX_LENGTH
) -> str | None:
    """What is wrong with an identifier, or None.

    1 to `longest` characters, no control or invisible (Cc, Cf, Cs) characters, no white space at the ends, no card
    number (docs/decisions/redaction.md says why), and for namespace, tenant and provider no colon.
    """
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not 1 <= len(value) <= longest:
        return f"must have 1 to {longest} characters, has {len(value)}"
    if _USUAL.fullmatch(value):
        return None if colon_allowed or ":" not in value else "must not hold a colon"
    if value != value.strip():
        return "must not begin or end with white space"
    # What is printable has none of these.
    if not value.isprintable() and any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in value):
        return INVISIBLE
    if not colon_allowed and ":" in value:
        return "must not hold a colon"
    if not card_allowed and holds_card(value):
        return CARD
    return None


def identity_problem(value: object) -> str | None:
    """What is wrong with the name of one single thing (an order, a key), or None: `name_problem`, and more.

    No second name looks the same: composed characters (NFC), none that is not seen, no blank but the plain one.
    """
    problem = name_problem(value)
    if problem or not isinstance(value, str) or value.isascii():
        return problem
    if UNSEEN.search(value):
        return INVISIBLE
    if any(char.isspace() and char != " " for char in value):
        return "must hold no blanks but the plain one (U+0020)"
    if not unicodedata.is_normalized("NFC", value):
        return "must be written with composed characters: bring it into Unicode's form NFC"
    return None


def spellings(name: str) -> list[str]:
    """The name, and those of its forms under which it may be stored from the time before it had to be NFC."""
    return list(dict.fromkeys([name, composed(name), unicodedata.normalize("NFD", name)]))


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
