"""How approvals are worked off, and views of their list that somebody keeps."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig


class ApprovalPolicy(ManagedConfig):
    """How approvals of a namespace and tenant are worked off: reasons, risk, reminders, escalation."""

    name = models.CharField(max_length=200, unique=True)
    enabled = models.BooleanField(default=True)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    reasons = models.JSONField(
        default=list, blank=True, help_text="What a rejection may be given as its reason"
    )
    reason_required = models.BooleanField(default=False, help_text="Nobody rejects without a reason")
    risk = models.JSONField(default=dict, blank=True, help_text="Points for each sign of risk")
    ties = models.JSONField(default=dict, blank=True, help_text="Payload fields that tie orders together")
    reminders = models.JSONField(
        default=list, blank=True, help_text='A list of {"before_seconds", "provider", "format"}'
    )
    escalation = models.JSONField(
        default=dict, blank=True, help_text='{"before_seconds", "group", "provider", "format"}'
    )
    key_holders = models.JSONField(
        default=dict, blank=True, help_text="People who place orders with a key, by the key's name"
    )

    class Meta:
        verbose_name_plural = "approval policies"

    def __str__(self) -> str:
        return self.name


class SavedFilter(models.Model):
    """A view of the list of approvals that somebody keeps, by name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.CharField(max_length=200, help_text="A username")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_filter_name")]

    def __str__(self) -> str:
        return self.name
