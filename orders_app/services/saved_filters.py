"""Views of the list of approvals that somebody keeps by name. They are their owner's alone."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from acteon_site.base.errors import invalid_field
from acteon_site.base.names import name_problem
from orders_app.models import SavedFilter

MOST = 20
LONGEST_NAME = 60


@transaction.atomic
def filter_save(*, owner: str, name: str, query: str) -> SavedFilter:
    """Under a name that the owner uses already it takes the place of that one. Raises 422."""
    name = " ".join(name.split())
    if problem := name_problem(name, longest=LONGEST_NAME):
        raise invalid_field("name", problem)
    own = SavedFilter.objects.filter(owner=owner)
    if not own.filter(name=name).exists() and own.count() >= MOST:
        raise invalid_field("name", f"you keep {MOST} views already; delete one")
    saved, _ = SavedFilter.objects.update_or_create(owner=owner, name=name, defaults={"query": query[:1000]})
    return saved


def filter_delete(*, filter_id: UUID, owner: str) -> None:
    SavedFilter.objects.filter(pk=filter_id, owner=owner).delete()
