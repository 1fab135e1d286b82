"""Actions as submitted, orders and their lifecycle."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q, Value
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig
from acteon_site.base.quick_rows import QuickRow
from orders_app.states import OrderStatus, RefundState


class Lifecycle(ManagedConfig):
    """The states of a kind of order, and the payload fields that rules may trust."""

    name = models.CharField(max_length=200, unique=True)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    action_type = models.CharField(max_length=256, help_text="Actions of this type create orders")
    enabled = models.BooleanField(default=True)
    initial = models.CharField(max_length=100)
    states = models.JSONField(help_text="All state names, in order")
    transitions = models.JSONField(blank=True, help_text='A list of {"from", "to"}')
    terminal = models.JSONField(default=list, blank=True, help_text="States in which an order is finished")
    timeouts = models.JSONField(
        default=list, blank=True, help_text='A list of {"state", "after_seconds", "to"}'
    )
    fields = models.JSONField(
        default=dict, blank=True, help_text="Payload fields: type, required, range, normal form"
    )
    fingerprint_field = models.CharField(
        max_length=200, blank=True, default="", help_text="Payload field that names the order"
    )
    charges = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text='What its orders charge: {"amount", "currency"} name payload fields, "step" the step that charges',
    )
    refunds = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text='What its orders give back: as charges, and "of" is the field that names the charged order',
    )

    def __str__(self) -> str:
        return self.name


class Action(QuickRow):
    """A submission as it came in (after template enrichment), encrypted. Replays and holds read it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    # Defaults of the database: processes of an earlier release insert rows while a new one is rolled out.
    provider = models.CharField(max_length=256, db_default="")
    action_type = models.CharField(max_length=256)
    action_id = models.CharField(max_length=256)
    body = EncryptedJSONField(help_text="The whole action")
    received_at = models.DateTimeField(default=timezone.now)
    replay_of = models.CharField(
        max_length=256,
        default="",
        db_default="",
        blank=True,
        help_text="The id of the action that was dispatched again",
    )

    class Meta:
        indexes = [
            models.Index(fields=["namespace", "tenant", "action_id"], name="action_lookup"),
            models.Index(fields=["namespace", "tenant", "received_at"], name="action_age"),
            # An action's replays.
            models.Index(
                fields=["namespace", "tenant", "replay_of"], name="action_replays", condition=~Q(replay_of="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_type} {self.action_id}"


class Order(QuickRow):
    """A placed order. Two independent axes: the lifecycle `state`, and the processing `status`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256, db_default="", help_text="That the action named")
    action_type = models.CharField(max_length=256)
    fingerprint = models.CharField(max_length=256)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    action_id_text = models.CharField(max_length=256)
    lifecycle = models.ForeignKey(Lifecycle, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=100)
    status = models.CharField(max_length=16, choices=OrderStatus)
    # False once a new placement is allowed: refused, or failed with nothing standing at any provider.
    living = models.BooleanField(default=True)
    run_id = models.UUIDField(null=True)
    reason = models.TextField(default="", help_text="Why it was rejected, failed or cancelled")
    timeout_at = models.DateTimeField(
        null=True, help_text="When the lifecycle's timeout of this state is due"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, help_text="Begin of event_ttl")
    # Its ledger, in smallest units (orders_app.services.ledger), changed under the row's lock. `charged` is null where
    # nobody has asked yet, and its run may not have told.
    charged = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, default="", db_default="", help_text="Of what was charged")
    refunded = models.BigIntegerField(default=0, db_default=0)
    reserved = models.BigIntegerField(
        default=0, db_default=0, help_text="Of refunds that wait, are under way or in doubt"
    )
    # Of a refund: whose money it gives back, how much, and where that stands in the other's ledger.
    refund_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="refunds", db_index=False
    )
    refund_amount = models.BigIntegerField(null=True)
    refund_state = models.CharField(max_length=16, choices=RefundState, default="", db_default="", blank=True)

    class Meta:
        constraints = [
            # Never more is given back, or on its way, than was charged.
            models.CheckConstraint(
                condition=Q(refunded=0, reserved=0)
                | Q(
                    charged__isnull=False,
                    refunded__gte=0,
                    reserved__gte=0,
                    charged__gte=F("refunded") + F("reserved"),
                ),
                name="refunds_within_charge",
            ),
            models.UniqueConstraint(
                fields=["namespace", "tenant", "fingerprint"],
                condition=Q(living=True),
                name="one_living_order",
            ),
        ]
        indexes = [
            # Also by the beginning of its name, which the operators of the database's language do not serve.
            models.Index(
                fields=["namespace", "tenant", "fingerprint", "-created_at"],
                name="order_named",
                opclasses=["varchar_ops", "varchar_ops", "varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(fields=["namespace", "tenant", "-updated_at", "-id"], name="order_tenant_newest"),
            models.Index(fields=["namespace", "tenant", "state", "-updated_at"], name="order_tenant_state"),
            models.Index(
                fields=["refund_of", "id"], name="order_refunds", condition=Q(refund_of__isnull=False)
            ),
            models.Index(fields=["timeout_at"], name="order_timeout", condition=Q(timeout_at__isnull=False)),
            models.Index(
                fields=["finished_at"], name="order_finished", condition=Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.fingerprint


class Move(models.Model):
    """One lifecycle transition of an order."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="moves")
    from_state = models.CharField(max_length=100)
    to_state = models.CharField(max_length=100)
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.from_state} to {self.to_state}"
