"""What the compliance modes lock. Pure; docs/operations.md says what each means, and what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400
NONE, SOC2, HIPAA = "none", "soc2", "hipaa"


@dataclass(frozen=True, slots=True)
class Locks:
    """What a mode asks for at least, or allows at most; times in seconds, 0 where it asks nothing.

    `session_seconds`: from sign-in until one signs in anew. `two_steps`: of every person. `locks_trail`: the
    database refuses to change sealed records. `names_secrets`: ACTEON_PHI_FIELDS is required.
    """

    least_audit_seconds: int = 0
    idle_seconds: int = 0
    token_seconds: int = 0
    session_seconds: int = 0
    two_steps: bool = False
    locks_trail: bool = False
    names_secrets: bool = False


MODES = {
    NONE: Locks(),
    # An auditor looks back over a year.
    SOC2: Locks(365 * DAY, 8 * 3600, 8 * 3600, DAY, two_steps=True, locks_trail=True),
    # Six years: 45 CFR 164.316(b)(2)(i). Signed out when idle: 164.312(a)(2)(iii), which leaves the time open.
    HIPAA: Locks(
        6 * 366 * DAY, 15 * 60, 3600, DAY // 2, two_steps=True, locks_trail=True, names_secrets=True
    ),
}


def locks_of(mode: str) -> Locks:
    """Of an unknown mode the strictest: a system check refuses it, and until then nothing is looser than meant."""
    return MODES.get(mode, MODES[HIPAA])
