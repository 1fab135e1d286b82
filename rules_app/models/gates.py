"""Quotas, and the rows that gates count in."""

from __future__ import annotations

from django.db import models

from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig


class Quota(ManagedConfig):
    """At most `max_actions` accepted actions per calendar window (UTC) or per custom span of seconds."""

    class Window(models.TextChoices):
        HOURLY = "hourly"
        DAILY = "daily"
        WEEKLY = "weekly"
        MONTHLY = "monthly"
        CUSTOM = "custom"

    class Overage(models.TextChoices):
        BLOCK = "block"  # refuse: QuotaExceeded
        WARN = "warn"  # accept, count, say so in the trail
        DEGRADE = "degrade"  # accept through overage_target instead
        NOTIFY = "notify"  # accept, tell overage_target

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256, blank=True, default="", help_text="Empty: all providers")
    principal = models.CharField(max_length=200, blank=True, default="", help_text="Empty: all callers")
    per_principal = models.BooleanField(default=False, help_text="Count each caller on its own")
    max_actions = models.PositiveBigIntegerField()
    window = models.CharField(max_length=16, choices=Window, default=Window.HOURLY)
    window_seconds = models.PositiveBigIntegerField(null=True, blank=True, help_text="For a custom window")
    overage = models.CharField(max_length=16, choices=Overage, default=Overage.BLOCK)
    overage_target = models.CharField(
        max_length=256, blank=True, default="", help_text="Provider, for degrade and notify"
    )
    enabled = models.BooleanField(default=True)
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "tenant", "provider", "principal"], name="quota_scope"
            ),
            models.CheckConstraint(condition=models.Q(max_actions__gt=0), name="quota_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.tenant}: {self.max_actions} {self.window}"


class GateRow(models.Model):
    """One counter or key behind a gate: a dedup key, an order's fingerprint, a throttle log, a quota window, or what
    a rule's counter remembers for one key.

    `key` is `<kind>:<keyed hash>`, so no personal data stands in it. Rows are created and locked in key order
    by one statement (rules_app.services.gates) and deleted by the reaper after `expires_at`.
    """

    key = models.CharField(max_length=140, primary_key=True)
    data = models.JSONField(default=dict)
    expires_at = models.DateTimeField(null=True, help_text="Null: held until what holds it ends")

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="gate_expiry")]

    def __str__(self) -> str:
        return self.key
