"""What other rules would have made of the past."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR
from rules_app.models.drafts import RuleDraft


class Backtest(models.Model):
    """What a set of rules would have done with the orders of a time: asked for here, computed by a worker, kept.

    `content` is the set as it was then, in the shape of RuleSetVersion.content; `newest` the version in force then.
    `done` and `total` count rows of the trail. `summary` is what rules_app.backtesting tells. The lease is of whoever
    computes it; one that has run out is taken over.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    draft = models.ForeignKey(RuleDraft, null=True, on_delete=models.SET_NULL, related_name="backtests")
    version = models.BigIntegerField(null=True, help_text="The version that was tried, where it was no draft")
    title = models.CharField(max_length=300)
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    newest = models.BigIntegerField(
        null=True, help_text="The version that was in force when it was asked for"
    )
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    requested_by = models.CharField(max_length=MAX_ACTOR)
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    problem = models.TextField(default="")
    summary = models.JSONField(null=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        indexes = [
            models.Index(fields=["-requested_at", "-id"], name="backtest_newest"),
            # What is to be computed, for the tidier that rings again.
            models.Index(
                fields=["requested_at"],
                name="backtest_due",
                condition=models.Q(state__in=("queued", "running")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


class BacktestOrder(models.Model):
    """One dispatch that would have fared otherwise. No payload: the record and the order have it, while they are kept.

    `how`: changed, otherwise (the same outcome by another rule, payload, terms or provider) or unknown.
    """

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="orders")
    position = models.PositiveIntegerField()
    how = models.CharField(max_length=16)
    note = models.CharField(max_length=100, default="")
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    action_id = models.CharField(max_length=256)
    record_id = models.UUIDField()
    order_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    from_outcome = models.CharField(max_length=40)
    to_outcome = models.CharField(max_length=40, default="")
    from_rule = models.CharField(max_length=256, default="")
    to_rule = models.CharField(max_length=256, default="")
    answer_unknown = models.BooleanField(default=False)
    amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=12, default="")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["backtest", "position"], name="backtest_position")]
        indexes = [
            models.Index(
                fields=["backtest", "how", "from_outcome", "to_outcome", "position"], name="backtest_pair"
            ),
            # The reaper's way to what a tenant no longer keeps.
            models.Index(fields=["namespace", "tenant", "at"], name="backtest_order_age"),
        ]

    def __str__(self) -> str:
        return f"{self.action_id}: {self.from_outcome} to {self.to_outcome}"
