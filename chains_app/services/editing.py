"""What every change of chains, providers and breakers does."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError, FieldProblem, invalid
from acteon_site.base.managed import ManagedConfig

EDITED = ("edited_by", "edited_at")


def configuration_lock() -> None:
    """Tell every process that chains and providers change, and let one such change at a time be checked.

    A version's row stays locked until the transaction ends, so that two edits at once cannot close a circle
    or refer to what the other deletes.
    """
    config_versions.touch(config_versions.CHAINS)
    config_versions.touch(config_versions.PROVIDERS)


def mark_edited(row: ManagedConfig, actor: str) -> None:
    """A person has changed it: a load that would overwrite that asks first. The caller saves the row."""
    row.edited_by, row.edited_at = actor, timezone.now()


def refusal(noun: str, problems: Sequence[FieldProblem]) -> AppError:
    """422 with every problem."""
    first = problems[0]
    return invalid(f"the {noun} is not valid: {first.field} {first.message}", problems)
