"""The table of checkups, and one pass over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import Error as DatabaseProblem

from acteon_site.base.errors import AppError
from acteon_site.base.findings import Checkup, Finding, State, fail
from acteon_site.base.registry import Registry
from acteon_site.watching.probes import database_state

CHECKUPS: Registry[Checkup] = Registry("checkup")
NO_DATABASE = "Mend the database first."


@dataclass(frozen=True, slots=True)
class Report:
    """One finding, and the name of the checkup that has it."""

    name: str
    finding: Finding


def look_at_all() -> Iterator[Report]:
    """Every checkup's findings, in the order of the table, as they come."""
    database_state.forget()
    answers = database_state.now() == "ok"
    for checkup in CHECKUPS.values():
        if answers or not checkup.needs_database:
            yield from (Report(checkup.name, finding) for finding in _looked(checkup))
        else:
            yield Report(
                checkup.name, Finding(State.WARN, "not looked at: the database does not answer", NO_DATABASE)
            )


def _looked(checkup: Checkup) -> list[Finding]:
    """One that breaks says so and keeps no other from being looked at."""
    try:
        return list(checkup.look())
    except AppError as error:
        return [fail(error.message, "")]
    except DatabaseProblem as error:
        return [
            fail(
                f"the database refused to tell: {type(error).__name__}",
                "Run `manage.py migrate`, then again.",
            )
        ]
    except Exception as error:  # whatever it is, the rest is still worth knowing
        return [
            fail(f"could not be looked at: {type(error).__name__}", "Tell the maintainers; look by hand.")
        ]
