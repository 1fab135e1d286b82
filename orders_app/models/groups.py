"""Actions that are gathered, and handed to their provider in one call."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.quick_rows import QuickRow
from orders_app.models.orders import Action
from orders_app.states import ClosedBy, GroupState


class ActionGroup(QuickRow):
    """What goes out in one call. Groups of one key follow each other; at most one of them waits, and its gate row
    (`group:<key>`) says which, so that whoever adds to it, closes it or opens the next one holds that row.

    `next_run_at` is what the sweeper looks at: while it waits the time of its call, and once it is closed until there
    is a run that makes it. `labels` is what its actions have in common, without what is redacted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    group_key = models.CharField(max_length=64)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    rule = models.CharField(max_length=200)
    ruleset_version = models.PositiveIntegerField(null=True)
    group_by = models.JSONField(default=list)
    labels = models.JSONField(default=dict)
    template = models.CharField(max_length=256, default="")
    state = models.CharField(max_length=16, choices=GroupState, default=GroupState.WAITING)
    event_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    notify_at = models.DateTimeField(
        help_text="When it is sent at the latest; when it was closed, once it is"
    )
    next_run_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=16, choices=ClosedBy, default="")
    closed_for = models.JSONField(
        default=dict, help_text="Who had it sent before its time, and in which request"
    )
    run_id = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="Begin of state_ttl")
    outcome = EncryptedJSONField(null=True, help_text="What its call came to")
    in_doubt = models.BooleanField(default=False, help_text="Nobody knows whether its call took effect")
    attempts = models.PositiveIntegerField(default=0, help_text="Calls that could not be prepared")
    problem = models.TextField(default="", help_text="Why its call cannot be prepared")

    class Meta:
        verbose_name = "group"
        indexes = [
            models.Index(fields=["next_run_at"], name="group_due", condition=Q(next_run_at__isnull=False)),
            models.Index(fields=["group_key", "-id"], name="group_of_key"),
            models.Index(fields=["namespace", "tenant", "-id"], name="group_tenant_newest"),
            models.Index(fields=["state", "-id"], name="group_state"),
            models.Index(
                fields=["namespace", "tenant", "ended_at"],
                name="group_ended",
                condition=Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}, {self.told}"

    @property
    def told(self) -> str:
        return f"{self.event_count} action{'' if self.event_count == 1 else 's'}"


class GroupedAction(QuickRow):
    """An action in the one group that it belongs to. `body` is the action as decided."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    group = models.ForeignKey(ActionGroup, on_delete=models.CASCADE, related_name="members", db_index=False)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    body = EncryptedJSONField()
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # Also the index by which a group's actions are read.
            models.UniqueConstraint(fields=["group", "position"], name="group_position"),
        ]

    def __str__(self) -> str:
        return f"{self.position}"
