"""What actions have in common."""

from __future__ import annotations

from django.db import models

from acteon_site.base.ids import new_id
from acteon_site.base.quick_rows import QuickRow
from orders_app.models.orders import Action
from orders_app.states import TieKind


class Tie(QuickRow):
    """What an action may have in common with others, as a keyed hash: its customer, e-mail, card or address.

    Drawn from the trail off the request. Nothing can be read back from it; it goes with its action.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=TieKind)
    # Its index is that of `one_tie_of_a_kind`.
    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=24)
    # As in Hold.
    worth = models.BigIntegerField(default=-1)
    currency = models.CharField(max_length=12, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "kind"], name="one_tie_of_a_kind")]
        indexes = [models.Index(fields=["key", "-at"], name="tie_key_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key[:8]}"


class TieHead(models.Model):
    """The one row that whoever draws ties holds: the last event that was looked at."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    event_number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"event {self.event_number}"
