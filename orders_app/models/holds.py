"""Actions that wait: for a person, for a time, for their turn."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from orders_app.models.orders import Action, Order
from orders_app.states import Decision, HoldKind, HoldStatus

_DUE_LATER = Q(kind__in=(HoldKind.SCHEDULE, HoldKind.TURN), status=HoldStatus.PENDING)
_WAITING = Q(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING)


class Hold(models.Model):
    """An action that waits: for a person (approval), for a time (schedule), or for its turn (throttle).

    `next_run_at` is what the sweeper looks at: an approval's expiry, a schedule's due time, or now once
    it was decided. `cleared` lists the rules that need not ask again; `passed` the gates already paid.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=HoldKind)
    status = models.CharField(max_length=16, choices=HoldStatus, default=HoldStatus.PENDING)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    action_id_text = models.CharField(max_length=256)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, related_name="holds")
    rule = models.CharField(max_length=200)
    cleared = models.JSONField(
        default=list, help_text='Rules passed so far: {"rule", "type", "payload_hash"}'
    )
    passed = models.JSONField(default=list, help_text="Keys of gates already consumed")
    payload_hash = models.CharField(max_length=64, default="", help_text="Of the payload the approver saw")
    context = models.JSONField(default=dict, help_text="Caller and request that submitted it")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(help_text="Release time of a schedule; expiry of an approval")
    next_run_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Approvals only.
    message = models.TextField(default="")
    notify_provider = models.CharField(max_length=256, default="")
    notified = models.BooleanField(default=False)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, default="")
    # What a list of approvals is sorted by: ten-thousandths of the currency's unit, and points; -1 while unknown.
    worth = models.BigIntegerField(default=-1, db_default=-1)
    currency = models.CharField(max_length=12, default="", db_default="")
    risk = models.SmallIntegerField(default=-1, db_default=-1)
    risk_reasons = models.JSONField(
        null=True, help_text="The points that make up the risk, each with its reason"
    )
    # A decision that is taken and takes effect at `next_run_at`; until then who took it may undo it.
    taken = models.CharField(max_length=8, choices=Decision, default="", db_default="")
    taken_by = models.CharField(max_length=200, default="", db_default="")
    taken_at = models.DateTimeField(null=True)
    taken_with = models.JSONField(null=True, help_text="How and in which request it was taken, and why")
    # How many people must approve, and who was the first of two.
    approvers = models.PositiveSmallIntegerField(default=1, db_default=1)
    first_by = models.CharField(max_length=200, default="", db_default="")
    first_at = models.DateTimeField(null=True)
    assigned_to = models.CharField(max_length=200, default="", db_default="")
    snoozed_until = models.DateTimeField(null=True)
    escalated_to = models.CharField(max_length=150, default="", db_default="", help_text="A group of people")
    remind_at = models.DateTimeField(null=True, help_text="When somebody is reminded, or it is escalated")
    outcome = EncryptedJSONField(null=True, help_text="What the release led to")
    attempts = models.PositiveIntegerField(default=0, help_text="Releases that could not be decided")
    problem = models.TextField(default="", help_text="Why the last release could not be decided")

    class Meta:
        indexes = [
            models.Index(fields=["next_run_at"], name="hold_due", condition=Q(next_run_at__isnull=False)),
            models.Index(fields=["namespace", "tenant", "kind", "-created_at"], name="hold_tenant_newest"),
            models.Index(fields=["kind", "status", "due_at"], name="hold_queue"),
            models.Index(fields=["ended_at"], name="hold_ended", condition=Q(ended_at__isnull=False)),
            models.Index(fields=["namespace", "tenant", "action_id_text"], name="hold_action"),
            # The list of approvals, by each of its orders (the soonest first: hold_queue).
            models.Index(fields=["-worth", "-id"], name="approval_worth", condition=_WAITING),
            models.Index(fields=["-risk", "-id"], name="approval_risk", condition=_WAITING),
            models.Index(fields=["-id"], name="approval_newest", condition=_WAITING),
            # What waits for its time or its turn, the soonest first; and what waits of one shop, of any kind.
            models.Index(fields=["due_at", "id"], name="waiting_soonest", condition=_DUE_LATER),
            models.Index(
                fields=["namespace", "tenant", "due_at", "id"],
                name="hold_tenant_soonest",
                condition=Q(status=HoldStatus.PENDING),
            ),
            # What the sweeper has not looked at yet; whom it must remind; what somebody may still undo.
            models.Index(fields=["id"], name="approval_unassessed", condition=_WAITING & Q(risk=-1)),
            models.Index(
                fields=["remind_at"], name="approval_reminder", condition=Q(remind_at__isnull=False)
            ),
            models.Index(fields=["taken_by", "next_run_at"], name="approval_taken", condition=~Q(taken="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.action_id_text}"

    @property
    def order_name(self) -> str:
        """What people know it by: the order's name, else the action's id."""
        return self.order.fingerprint if self.order else self.action_id_text


class Approval(Hold):
    """What waits for a person's decision, as its page in the admin. Who may see and decide holds may do so here."""

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.order_name


class WaitingOrder(Hold):
    """What waits for its time or its turn, as its page in the admin."""

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.order_name
