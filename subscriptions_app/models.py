"""A shop's own systems that want to hear of events, and what was sent to them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig
from subscriptions_app.states import DeliveryStatus, Off


class Subscription(ManagedConfig):
    """An address of a tenant's own that gets its events. Empty lists let everything through."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    name = models.CharField(max_length=200)
    url = models.CharField(max_length=2000, help_text="Shown to whoever sees this page: no token in it")
    event_types = models.JSONField(default=list, blank=True, help_text="Such as approval_* ; empty: all")
    action_types = models.JSONField(default=list, blank=True)
    providers = models.JSONField(default=list, blank=True)
    outcomes = models.JSONField(default=list, blank=True)
    description = models.TextField(blank=True, default="")
    notify_provider = models.CharField(
        max_length=256, blank=True, default="", help_text="Who is told when it is switched off for failing"
    )
    timeout_seconds = models.PositiveIntegerField(default=15)
    max_concurrent = models.PositiveIntegerField(
        default=10, help_text="How many deliveries each process may have in flight"
    )
    enabled = models.BooleanField(default=True)
    # {"current": "whsec_…", "previous": "whsec_…"}; the previous one signs as well until `previous_until`.
    secrets = EncryptedJSONField(help_text="Encrypted")
    secret_spellings = models.JSONField(default=dict, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)

    # Events up to here are not its own.
    after_number = models.BigIntegerField(default=0, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    gone_at = models.DateTimeField(null=True, editable=False, help_text="It answered 410")
    paused_until = models.DateTimeField(null=True, editable=False, help_text="It asked for a pause")
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=16, choices=Off, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="subscription_name")
        ]
        indexes = [
            # Whom the sweep may have to switch off.
            models.Index(
                fields=["failing_since"],
                name="subscription_failing",
                condition=Q(failing_since__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.tenant} {self.name}"


class Delivery(models.Model):
    """One event for one subscription; there is never a second row of the two. Its id is the `webhook-id`.

    `due_at` says when it is sent: null once it has ended, and while an earlier one of its order is to be sent. While
    somebody sends it, it is the end of his lease, whose token guards what he records.
    """

    TENANT_PATH = "subscription__"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Its index is that of `delivery_once`.
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event_number = models.BigIntegerField(null=True, help_text="Null for a test")
    event_type = models.CharField(max_length=40)
    event_at = models.DateTimeField(help_text="When it happened")
    order_key = models.CharField(max_length=300, help_text="Those with the same one are sent in order")
    body = models.TextField(help_text="As it is sent, redacted as the stream is")
    status = models.CharField(max_length=16, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    due_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    attempts_made = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0, help_text="Attempts since it was last asked for")
    last_status = models.PositiveIntegerField(null=True)
    last_error = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        default_permissions = ("change", "view")
        constraints = [models.UniqueConstraint(fields=["subscription", "event_number"], name="delivery_once")]
        indexes = [
            # What is sent next, of each subscription (`deliveries_claim`).
            models.Index(
                fields=["subscription", "due_at", "id"],
                name="delivery_due",
                condition=Q(due_at__isnull=False),
            ),
            # Which of an order's is first (`heads_wake`).
            models.Index(
                fields=["subscription", "order_key", "event_number"],
                name="delivery_of_order",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["subscription", "-id"], name="delivery_newest"),
            models.Index(fields=["subscription", "status", "-id"], name="delivery_status"),
            # Of all subscriptions; those that were delivered, by far the most, are found soon without it.
            models.Index(
                fields=["status", "-id"],
                name="delivery_not_delivered",
                condition=Q(status__in=["pending", "failed"]),
            ),
            models.Index(fields=["subscription", "event_at", "id"], name="delivery_time"),
            models.Index(
                fields=["subscription", "ended_at"],
                name="delivery_ended",
                condition=Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.pk}"


class DeliveryAttempt(models.Model):
    """One request, recorded when it was over. `status` is null where nothing was answered."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    success = models.BooleanField()
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, default="", blank=True)
    answer = models.CharField(max_length=300, default="", blank=True, help_text="Its beginning, redacted")

    class Meta:
        ordering = ["number", "id"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"attempt {self.number}"


class FanOutHead(models.Model):
    """The one row that whoever makes deliveries of events holds: how far he has come."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    event_number = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"event {self.event_number}"
