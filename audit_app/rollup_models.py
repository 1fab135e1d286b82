"""Sums of the trail, so that nobody adds up its rows: how many of what, worth how much, and how long it took.

The relay notes what a turn adds (RollupDelta) in the transaction in which it numbers the rows that it counts; deltas
are folded into the sums together, since most of them add to the same rows.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class _Sum(models.Model):
    """How many audit rows are alike in all of this, of one minute, quarter, hour or day (UTC).

    `kind` says what is counted and what `label` is (audit_app.records.rollups). `id` is made of all that they have in
    common: names are long, and no index could hold them.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.PositiveSmallIntegerField()
    grain = models.PositiveIntegerField(help_text="Seconds")
    at = models.BigIntegerField(help_text="When it begins, in Unix seconds")
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    outcome = models.CharField(max_length=40)
    label = models.CharField(max_length=600)
    count = models.BigIntegerField()

    class Meta:
        abstract = True


class Rollup(_Sum):
    """How many they are, and worth how much."""

    currency = models.CharField(max_length=3, blank=True)
    amount = models.DecimalField(max_digits=40, decimal_places=0, help_text="In the smallest unit")

    class Meta:
        indexes = [
            # Every question names a kind, a grain and a span, and most of them outcomes, which are few of the rows
            # there. The tenant of a key that has one is filtered from those.
            models.Index(fields=["kind", "grain", "at", "outcome"], name="rollup_span_outcome"),
            # What retention removes of a tenant.
            models.Index(fields=["namespace", "tenant", "at"], name="rollup_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.outcome} {self.label}: {self.count}"


class RollupTime(_Sum):
    """How many took how long: as `Rollup`, with the classes of their durations (audit_app.records.sketch).

    `classes` is how many by class; class -1: nobody measured it. Rows of an older release are of one class each and
    have no `classes`; the reaper packs them together.
    """

    duration_class = models.SmallIntegerField(help_text="Of an older release's row; else -2")
    micros = models.DecimalField(max_digits=40, decimal_places=0, help_text="All of them together")
    classes = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "grain", "at"], name="rollup_time_span"),
            models.Index(fields=["namespace", "tenant", "at"], name="rollup_time_tenant"),
            # What is left to pack: soon none.
            models.Index(fields=["id"], name="rollup_time_unpacked", condition=Q(classes__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.label}: {self.count}"


class RollupNames(models.Model):
    """Names that a tenant's sums of a day tell apart; further ones of that day are added up together.

    Whoever folds holds the row: so all grains of the day tell the same names apart.
    """

    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    at = models.BigIntegerField(help_text="When the day begins, in Unix seconds")
    names = models.TextField(help_text="By kind of sum, as JSON")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant", "at"], name="rollup_names_day")]

    def __str__(self) -> str:
        return f"{self.namespace} / {self.tenant} {self.at}"


class RollupDelta(models.Model):
    """What the records of one of the relay's turns add. Soon folded into the sums, with others, and deleted."""

    content = models.TextField(help_text="Entries of Rollup and of RollupTime, as JSON")

    def __str__(self) -> str:
        return f"{self.pk}"


class RollupGap(models.Model):
    """Audit rows with these numbers are in no rollup yet: older than rollups, or numbered by an older release."""

    after = models.BigIntegerField(help_text="This one is counted, or there is none")
    upto = models.BigIntegerField(help_text="The last one that is not")

    def __str__(self) -> str:
        return f"{self.after} to {self.upto}"
