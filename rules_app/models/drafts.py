"""Changes of rules that are not in force yet."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.managed import MAX_ACTOR
from rules_app.models.rules import MAX_REASON


class RuleDraft(models.Model):
    """Changes to the rules that decide nothing until they are published.

    It holds only its differences to the live rows (RuleDraftChange). `editors` are all who ever changed one;
    the one-to-one `version` is what publishing it made.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        PUBLISHED = "published"
        DISCARDED = "discarded"

    number = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    base = models.BigIntegerField(null=True, help_text="The version that was in force when it was begun")
    editors = models.JSONField(default=list)
    reason = models.CharField(max_length=MAX_REASON, default="", help_text="Why it was published")
    created_by = models.CharField(max_length=MAX_ACTOR)
    created_at = models.DateTimeField(default=timezone.now)
    closed_by = models.CharField(max_length=MAX_ACTOR, default="", help_text="Who published or discarded it")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        # The open ones, which every page of rules shows.
        indexes = [models.Index(fields=["status", "-number"], name="rule_draft_status")]

    def __str__(self) -> str:
        return f"draft {self.number}: {self.name}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN


class RuleDraftChange(models.Model):
    """What a draft makes of one rule: `spec` is the rule as it shall be, None removes it.

    `base` is the live rule on which that was decided, None where there was none: publishing compares it with
    the live one of then. The empty name stands for the settings that all rules share.
    """

    draft = models.ForeignKey(RuleDraft, on_delete=models.CASCADE, related_name="changes")
    name = models.CharField(max_length=200, blank=True)
    spec = models.JSONField(null=True)
    base = models.JSONField(null=True)
    edited_by = models.CharField(max_length=MAX_ACTOR)
    edited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["draft", "name"], name="rule_draft_change")]

    def __str__(self) -> str:
        return self.name or "default time zone"
