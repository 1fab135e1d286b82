"""Did-you-mean: an unknown word is refused together with the known one that it resembles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

NO_SYNONYMS: Mapping[str, str] = {}


def nearest(word: str, known: Collection[str], synonyms: Mapping[str, str] = NO_SYNONYMS) -> str | None:
    """The known word that `word` most likely stands for, or None."""
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    if plain in synonyms:
        return synonyms[plain]
    if plain in known:
        return plain
    found = get_close_matches(plain, known, n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(
    what: str, word: object, known: Collection[str], synonyms: Mapping[str, str] = NO_SYNONYMS
) -> str:
    """The message for an unknown word, for example: unknown operator 'gtee', did you mean 'gte'?"""
    if not isinstance(word, str):
        return f"unknown {what} {word!r}: names are text, so quote it if it was meant as one"
    guess = nearest(word, known, synonyms)
    if guess:
        return f"unknown {what} '{word}', did you mean '{guess}'?"
    return f"unknown {what} '{word}', known are: {', '.join(sorted(known))}"
