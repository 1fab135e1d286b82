"""Rules, the versions that decisions refer to, quotas, and the counters behind the gates."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig
from acteon_site.base.quick_rows import QuickRow

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

    class Meta:
        verbose_name = verbose_name_plural = "rule settings"
        permissions = [("require_second_person", "Can say where publishing needs a second person")]
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="rule_settings_one_row")]

    def __str__(self) -> str:
        return "Rule settings"


class RuleSetVersion(models.Model):
    """A validated rule set as it was in force.

    `content` is `{"default_timezone": str, "rules": [spec, …]}`: the enabled rules in evaluation order, each
    in the shape of the YAML files, and `counters` where any are declared, with the time `since` when each counts;
    nothing else is needed to decide as that version did. `disabled` holds the
    rules that were switched off, so that a version can be restored whole; None before that was kept.
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


class NamedList(ManagedConfig):
    """A list that rules ask by its name. Of several with one name the tenant's counts, then the namespace's, then `*`.

    What it holds are its entries; `size` counts those that nobody has removed. Every change of any list has a number
    (the version of that area of configuration), which `created_in` and the entries refer to.
    """

    class Matching(models.TextChoices):
        EXACT = "exact", "Exactly as it stands"
        FOLDED = "folded", "Without regard to case and blanks at the ends"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    matching = models.CharField(
        max_length=16, choices=Matching, default=Matching.EXACT, help_text="How values are compared"
    )
    description = models.TextField(blank=True, default="")
    holds_from_file = models.BooleanField(
        default=False, editable=False, help_text="Whether the file that owns it says what it holds"
    )
    size = models.PositiveIntegerField(default=0, editable=False)
    created_in = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["name", "namespace", "tenant"]
        constraints = [
            models.UniqueConstraint(fields=["name", "namespace", "tenant"], name="named_list_scope"),
            models.CheckConstraint(
                condition=~models.Q(namespace="*") | models.Q(tenant="*"), name="named_list_tenant_of_one"
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.is_shared else f"{self.name} ({self.scope})"

    @property
    def is_shared(self) -> bool:
        return self.namespace == self.tenant == "*"

    @property
    def scope(self) -> str:
        return f"{self.namespace}/{self.tenant}"


class ListEntry(models.Model):
    """A value on a list. Lookups go by `key`, a keyed hash of the value in the list's form; the value is encrypted.

    `content` is `{"value": …, "note": …}`, null once it was removed: the rest stays for a while, so that decisions of
    before can be explained. Never changed otherwise: another note or expiry is another row.
    """

    list = models.ForeignKey(NamedList, on_delete=models.CASCADE, related_name="entries")
    key = models.CharField(max_length=32)
    content = EncryptedJSONField(null=True)
    added_by = models.CharField(max_length=MAX_ACTOR)
    added_at = models.DateTimeField(default=timezone.now)
    added_in = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=MAX_ACTOR, default="")
    removed_at = models.DateTimeField(null=True)
    removed_in = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "key"], condition=models.Q(removed_in=None), name="list_entry_once"
            )
        ]
        indexes = [
            # A list's page, the newest first.
            models.Index(fields=["list", "-id"], condition=models.Q(removed_in=None), name="list_entry_page"),
            # What has changed since a process looked, and how it was at a decision.
            models.Index(fields=["added_in"], name="list_entry_added"),
            models.Index(
                fields=["removed_in"], condition=models.Q(removed_in__isnull=False), name="list_entry_removed"
            ),
            models.Index(fields=["list", "key"], name="list_entry_key"),
            # The reaper's.
            models.Index(
                fields=["expires_at"], condition=models.Q(expires_at__isnull=False), name="list_entry_expiry"
            ),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"


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
