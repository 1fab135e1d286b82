"""What keeps actions from being sent: silences, and the time intervals that rules name."""

from __future__ import annotations

from django.db import models

from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig


class TimeInterval(ManagedConfig):
    """Times of the wall clock, by a name that rules go by. Of several with one name the tenant's counts, then the
    namespace's, then `*`. As with rules, decisions read the published version.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    time_ranges = models.JSONField(help_text="times, weekdays, days_of_month, months and years of each range")
    location = models.CharField(max_length=64, blank=True, default="", help_text="Time zone; empty: UTC")
    description = models.TextField(blank=True, default="")
    created_by = models.CharField(max_length=MAX_ACTOR, blank=True, default="", editable=False)

    class Meta:
        ordering = ["name", "namespace", "tenant"]
        constraints = [
            models.UniqueConstraint(fields=["name", "namespace", "tenant"], name="time_interval_scope"),
            models.CheckConstraint(
                condition=~models.Q(namespace="*") | models.Q(tenant="*"), name="time_interval_tenant_of_one"
            ),
        ]

    def __str__(self) -> str:
        shared = self.namespace == self.tenant == "*"
        return self.name if shared else f"{self.name} ({self.namespace}/{self.tenant})"


class Silence(models.Model):
    """From `starts_at` to before `ends_at`, actions of the tenant whose labels match all `matchers` are not sent.

    Never deleted by hand: it is ended, and goes when retention deletes what has ended.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    matchers = models.JSONField(help_text="label, value and how they are compared; all must match")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    comment = models.TextField(help_text="Why")
    created_by = models.CharField(max_length=MAX_ACTOR)
    edited_by = models.CharField(max_length=MAX_ACTOR, default="", db_default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-ends_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")), name="silence_ends"
            )
        ]
        indexes = [
            # A tenant's list, and what retention deletes of it.
            models.Index(fields=["namespace", "tenant", "-ends_at", "-id"], name="silence_list"),
            # What each process holds in memory: those that have not ended.
            models.Index(fields=["ends_at"], name="silence_end"),
        ]

    def __str__(self) -> str:
        return f"silence {self.pk}"
