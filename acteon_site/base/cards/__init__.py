"""Finds payment card numbers in text, however they are written. Pure.

A card number is what has a length and a prefix that an issuer really uses (`issuers`) and passes Luhn's check, with
digits in one piece or grouped as people group cards (`finding`), also where digits or what stands between them is
encoded for a URL, for HTML or for JSON (`spellings`).
"""

from acteon_site.base.cards.finding import card_spans, digits_written, holds_card, without_cards
from acteon_site.base.cards.issuers import LONGEST, SHORTEST, is_card

__all__ = ["LONGEST", "SHORTEST", "card_spans", "digits_written", "holds_card", "is_card", "without_cards"]
