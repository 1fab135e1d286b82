"""How long tests search: a little in every run; ACTEON_TEST_DEPTH=10 looks ten times as far, before a release say."""

from __future__ import annotations

import os

DEPTH = int(os.environ.get("ACTEON_TEST_DEPTH", "1"))


def examples(few: int) -> int:
    """How many examples a search tries: `few` of them at the usual depth."""
    return few * DEPTH
