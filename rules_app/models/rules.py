"""Rules and what is declared beside them, as people edit them, and the versions that decisions refer to."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.managed import MAX_ACTOR, ManagedConfig

MAX_REASON = 500


class Rule(ManagedConfig):
    """One rule as a manager edits it. Decisions read the published RuleSetVersion, never these rows."""

    name = models.CharField(max_length=200, unique=True)
    priority = models.IntegerField(default=100, help_text="The lowest number is asked first")
    enabled = models.BooleanField(default=True)
    enabled_by = models.CharField(
        max_length=MAX_ACTOR,
        blank=True,
        default="",
        editable=False,
        help_text="Who set `enabled`; a load keeps it",
    )
    description = models.TextField(blank=True, default="")
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    timezone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="Zone of time.* fields, for example US/Eastern. Empty: the default of the rule settings",
    )
    effective_from = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="Asked from then on: 2026-12-24T09:00:00+01:00, or 2026-12-24 09:00 in the rule's time zone",
    )
    effective_until = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Asked until before then"
    )
    condition = models.JSONField(help_text="all / any / not, or field with one operator")
    action = models.JSONField(help_text="type and its settings")
    only_unmatched = models.BooleanField(
        null=True,
        blank=True,
        help_text="Suppress only what no rule above has claimed. Left open, that is so for a condition that "
        "tests nothing but namespace, tenant or provider",
    )
    mute_time_intervals = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Names of time intervals in which nothing is sent of what it lets through",
    )
    active_time_intervals = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Names of time intervals outside of which nothing is sent of what it lets through",
    )
    shadow = models.BooleanField(
        default=False, db_default=False, help_text="Note what it would do, and do nothing"
    )
    rollout = models.JSONField(
        null=True,
        blank=True,
        default=None,
        help_text="percent of orders that it is for, and `by` which field",
    )

    class Meta:
        ordering = ["priority", "name"]
        permissions = [("publish_rule", "Can put rules in force")]

    def __str__(self) -> str:
        return self.name


class RuleCounter(ManagedConfig):
    """A counter over past orders, as it is declared; what is counted stands in gate rows.

    `declaration` is its spec without name and description. As with rules, decisions read the published version.
    """

    name = models.CharField(max_length=60, unique=True)
    description = models.TextField(blank=True, default="")
    declaration = models.JSONField()

    class Meta:
        ordering = ["name"]
        verbose_name = "counter"

    def __str__(self) -> str:
        return self.name


class RuleSettings(ManagedConfig):
    """The one row of settings that all rules share. Who changes rules locks it, so versions never overlap."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    default_timezone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="Zone of time.* for rules without one, for example US/Eastern. Empty: as deployed",
    )
    second_person = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Namespaces whose rules are published by somebody who has not edited them; * for all",
    )

    muting = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Which kinds of action may be silenced and muted",
    )

    class Meta:
        verbose_name = verbose_name_plural = "rule settings"
        permissions = [("require_second_person", "Can say where publishing needs a second person")]
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="rule_settings_one_row")]

    def __str__(self) -> str:
        return "Rule settings"


class RuleSetVersion(models.Model):
    """A validated rule set as it was in force.

    `content` is `{"default_timezone": str, "rules": [spec, …]}`: the enabled rules in evaluation order, each
    in the shape of the YAML files, `counters` where any are declared, with the time `since` when each counts, and
    `time_intervals` and `muting` where there are any; nothing else is needed to decide as that version did.
    `disabled` holds the rules that were switched off, so that a version can be restored whole; None before that was
    kept.
    """

    number = models.BigAutoField(primary_key=True)
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    cause = models.CharField(max_length=200, help_text="What made it: a load, an edit, a switch")
    disabled = models.JSONField(null=True, default=None)
    reason = models.CharField(
        max_length=MAX_REASON, default="", db_default="", help_text="Why, in their words"
    )
    draft = models.OneToOneField("RuleDraft", null=True, on_delete=models.SET_NULL, related_name="version")
    actor = models.CharField(max_length=MAX_ACTOR, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"version {self.number}"
