"""Actions that are dispatched again and again, and each time that they were."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig
from orders_app.states import FiringKind, Missed, Overlap

CALLER = "recurring:"
# Outcomes of firings beside those of the audit trail: the call is under way; passed over; it is no right action.
RUNNING, SKIPPED, ERROR = "running", "skipped", "error"


class RecurringAction(ManagedConfig):
    """An action, and the cron expression by which it is dispatched.

    `next_at` is its next occurrence, null where there is none any more; `look_at` when the sweep looks at it next:
    the same, or later where it could not be fired yet. Both by the database's clock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    enabled = models.BooleanField(default=True, db_default=True)
    enabled_by = models.CharField(
        max_length=MAX_ACTOR, blank=True, default="", db_default="", help_text="Who paused or resumed it"
    )
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    payload = EncryptedJSONField(help_text="Of the action, as it is dispatched")
    metadata = EncryptedJSONField(default=dict, blank=True)
    dedup_key = models.CharField(max_length=256, blank=True, default="", db_default="")
    cron_expression = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    max_executions = models.PositiveIntegerField(null=True, blank=True)
    overlap_policy = models.CharField(
        max_length=16, choices=Overlap, default=Overlap.ALLOW_ALL, db_default="allow_all"
    )
    missed = models.CharField(max_length=8, choices=Missed, default=Missed.ONCE, db_default="once")
    description = models.TextField(blank=True, default="", db_default="")
    labels = models.JSONField(default=dict, blank=True)
    created_by = models.CharField(max_length=MAX_ACTOR, blank=True, default="", db_default="")
    # What has become of it.
    next_at = models.DateTimeField(null=True, editable=False)
    look_at = models.DateTimeField(null=True, editable=False)
    last_at = models.DateTimeField(null=True, editable=False, help_text="When it was last dispatched")
    execution_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    problem = models.TextField(
        default="", db_default="", editable=False, help_text="Why it could not be fired"
    )
    # Retention has removed firings up to here: of those occurrences nobody knows any more whether they were fired.
    forgotten_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="recurring_name"),
        ]
        indexes = [
            models.Index(
                fields=["look_at", "id"],
                name="recurring_due",
                condition=Q(enabled=True, look_at__isnull=False),
            ),
            models.Index(fields=["namespace", "tenant", "-created_at", "-id"], name="recurring_newest"),
        ]

    def __str__(self) -> str:
        return self.name or "recurring action"

    @property
    def status(self) -> str:
        """active, paused, or completed: its end has passed, or it was dispatched as often as it may be."""
        if not self.enabled:
            return "paused"
        return "active" if self.next_at else "completed"

    @property
    def caller_id(self) -> str:
        """By which the trail names who dispatched: no person and no key."""
        return f"{CALLER}{self.pk}"

    @property
    def remaining(self) -> int | None:
        """How often it may still be dispatched; None for any number."""
        return None if self.max_executions is None else max(0, self.max_executions - self.execution_count)


class RecurringFiring(models.Model):
    """One occurrence of a recurring action: dispatched, or passed over and why. It outlasts the recurring action.

    Written in the transaction of the dispatch; that an occurrence has one row only is why nothing fires twice.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recurring_id = models.UUIDField()
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    occurrence = models.DateTimeField(help_text="The time that the expression means")
    kind = models.CharField(max_length=12, choices=FiringKind, default=FiringKind.DUE, db_default="due")
    fired_at = models.DateTimeField(default=timezone.now)
    action_id = models.CharField(max_length=256, default="", db_default="")
    # The stored action, of which an order, a hold or a run may come; null where nothing was dispatched.
    action_row = models.UUIDField(null=True)
    # Whether something of it may be under way: a call, a run, a hold. Asked only where the policy minds.
    is_open = models.BooleanField(default=False, db_default=False)
    outcome = models.CharField(max_length=24, help_text="As in the audit trail; running, skipped or error")
    reason = models.TextField(
        default="", db_default="", help_text="Why it was passed over, or what was wrong"
    )
    # Of a row that stands for several missed occurrences, of which this is the last.
    count = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recurring_id", "occurrence"], name="one_firing_of_an_occurrence"
            ),
        ]
        indexes = [
            models.Index(fields=["namespace", "tenant", "fired_at"], name="firing_age"),
            models.Index(fields=["recurring_id"], name="firing_open", condition=Q(is_open=True)),
            # Whose call has ended: what came of it.
            models.Index(
                fields=["namespace", "tenant", "action_id"],
                name="firing_running",
                condition=Q(outcome="running"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.occurrence:%Y-%m-%d %H:%M}"
