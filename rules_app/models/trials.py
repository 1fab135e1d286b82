"""What rules in shadow, or for a share of orders, would have done."""

from __future__ import annotations

from django.db import models

from acteon_site.base.ids import new_id
from acteon_site.base.quick_rows import QuickRow


class RuleTrial(QuickRow):
    """An action that came to a rule in shadow, or for a share of orders, and that its condition holds of.

    Written in the transaction of the dispatch, or release, that it is about, and never changed. `action` is the key
    of the stored action; `happened` is what the gates and all other rules made of it (see trial_facts).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    rule = models.CharField(max_length=200)
    version = models.BigIntegerField()
    side = models.CharField(max_length=8, help_text="shadow, within, outside or unkeyed")
    would = models.CharField(max_length=32, help_text="The type of the rule's action, or failed")
    happened = models.CharField(max_length=40)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    action = models.UUIDField()
    action_id = models.CharField(max_length=256)
    amount = models.BigIntegerField(null=True, help_text="In the smallest unit; null where it is not known")
    currency = models.CharField(max_length=3, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            # The report's samples, and what is not in its counts yet.
            models.Index(fields=["rule", "-at", "-id"], name="rule_trial_newest"),
            # The next hour to count.
            models.Index(fields=["at"], name="rule_trial_at"),
            models.Index(fields=["namespace", "tenant", "at"], name="rule_trial_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.side} {self.action_id}"


class RuleTrialCount(models.Model):
    """How many trials of an hour that is over were alike, and what they were worth: what reports add up.

    `id` is made of all that they have in common, so that an hour which two processes count is counted once.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    hour = models.DateTimeField()
    rule = models.CharField(max_length=200)
    side = models.CharField(max_length=8)
    would = models.CharField(max_length=32)
    happened = models.CharField(max_length=40)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    currency = models.CharField(max_length=3, blank=True, default="")
    trials = models.BigIntegerField()
    amount = models.DecimalField(max_digits=40, decimal_places=0)

    class Meta:
        indexes = [
            models.Index(fields=["rule", "hour"], name="rule_trial_count_rule"),
            # How far has been counted.
            models.Index(fields=["-hour"], name="rule_trial_count_hour"),
            models.Index(fields=["namespace", "tenant", "hour"], name="rule_trial_count_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.hour}: {self.trials}"
