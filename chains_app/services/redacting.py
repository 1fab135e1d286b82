"""What of a run is redacted wherever it is kept or shown."""

from __future__ import annotations

from audit_app.redaction import Scrubber
from audit_app.selectors import current_redactor
from chains_app.models import Run
from chains_app.states import RunKind


def tainted_of(run: Run) -> tuple[str, ...]:
    """What is redacted in the run's payload beside the configured fields.

    In a notice the links too: who has an approval's link may decide by it.
    """
    tainted = tuple(run.origin.get("tainted") or ())
    if run.kind != RunKind.NOTICE:
        return tainted
    payload = run.origin["payload"].items()
    return (*tainted, *(name for name, value in payload if str(value).startswith(("https://", "http://"))))


def scrubber_of(run: Run) -> Scrubber:
    """For whatever is kept or shown of the run; its `payload` is the redacted one."""
    return current_redactor().scrubber(run.origin["payload"], tainted_of(run))


def scrubbed(run: Run, text: str) -> str:
    """A text without the order's redacted values, as errors and reasons are kept."""
    return scrubber_of(run).text(text) if text else ""
