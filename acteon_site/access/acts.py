"""What people do that concerns no order: noted with where from and with what. The rest stands in the trail."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from acteon_site.access.whence import agent_of, client_address
from acteon_site.models import PersonAct


def act_note(
    request: HttpRequest,
    *,
    username: str,
    what: str,
    row: Model | None = None,
    words: str = "",
    scope: tuple[str, str] = ("", ""),
) -> None:
    """One thing that this person did, in the transaction of the change where there is one.

    `words` must hold no secret and no value of an order: they are shown as they are.
    """
    facts: dict[str, Any] = (
        {"about": row._meta.label_lower, "row": str(row.pk)[:255]} if row is not None else {}
    )
    PersonAct.objects.create(
        username=username,
        what=what,
        words=words[:500],
        namespace=scope[0],
        tenant=scope[1],
        address=client_address(request)[:64],
        agent=agent_of(request),
        request_id=getattr(request, "request_id", ""),
        **facts,
    )
