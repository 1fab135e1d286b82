"""The trail: audit records, live events, and how long anything is kept."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.clock_text import moment
from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig
from audit_app.rollup_models import Rollup, RollupDelta, RollupGap, RollupNames, RollupTime

__all__ = [
    "AuditHead",
    "AuditRecord",
    "Counter",
    "Dashboard",
    "Event",
    "LegalHold",
    "LiveBoard",
    "RedactedField",
    "RelayHead",
    "RetentionPolicy",
    "Rollup",
    "RollupDelta",
    "RollupGap",
    "RollupNames",
    "RollupTime",
]
AT_LEAST_ONE = MinValueValidator(1)


class AuditRecord(models.Model):
    """One thing that happened, redacted before it was written. Append-only.

    `number`, `sequence_number` and the hashes are null until audit_app.services.relay seals the row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.BigIntegerField(null=True, unique=True)
    action_id = models.CharField(max_length=256)
    chain_id = models.UUIDField(null=True)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    verdict = models.CharField(max_length=32)
    matched_rule = models.CharField(max_length=256, null=True)
    outcome = models.CharField(max_length=40)
    action_payload = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    verdict_details = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    outcome_details = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    metadata = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    dispatched_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.IntegerField(default=0)
    caller_id = models.CharField(max_length=200, default="")
    auth_method = models.CharField(max_length=32, default="")
    ruleset_version = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=128, default="")
    # Of people alone: where the request came from, and with what.
    caller_address = models.CharField(max_length=64, default="", db_default="")
    caller_agent = models.CharField(max_length=200, default="", db_default="")
    record_hash = models.CharField(max_length=64, null=True)
    previous_hash = models.CharField(max_length=64, null=True)
    sequence_number = models.BigIntegerField(null=True)

    class Meta:
        permissions = [("export_evidence", "Can export evidence of the trail")]
        indexes = [
            # Lists: newest first within a tenant, keyset-paged; one index per filter that managers use.
            models.Index(fields=["namespace", "tenant", "-dispatched_at", "-id"], name="audit_tenant_newest"),
            models.Index(
                fields=["namespace", "tenant", "outcome", "-dispatched_at", "-id"],
                name="audit_tenant_outcome",
            ),
            models.Index(
                fields=["namespace", "tenant", "matched_rule", "-dispatched_at", "-id"],
                name="audit_tenant_rule",
            ),
            models.Index(
                fields=["namespace", "tenant", "caller_id", "-dispatched_at", "-id"],
                name="audit_tenant_caller",
            ),
            models.Index(
                fields=["namespace", "tenant", "provider", "-dispatched_at", "-id"],
                name="audit_tenant_provider",
            ),
            models.Index(
                fields=["namespace", "tenant", "action_type", "-dispatched_at", "-id"],
                name="audit_tenant_type",
            ),
            # The verdicts that are common are found soon in audit_tenant_newest.
            models.Index(
                fields=["namespace", "tenant", "verdict", "-dispatched_at", "-id"],
                name="audit_tenant_verdict",
                condition=~Q(verdict__in=("allow", "chain")),
            ),
            models.Index(fields=["-dispatched_at", "-id"], name="audit_newest"),
            # What did this person do: of all tenants. Rows of keys, by far the most, are not in it.
            models.Index(
                fields=["caller_id", "-dispatched_at", "-id"],
                name="audit_person",
                condition=Q(auth_method__in=("admin", "token")),
            ),
            models.Index(fields=["action_id", "-dispatched_at"], name="audit_action"),
            models.Index(
                fields=["chain_id", "dispatched_at"], name="audit_chain", condition=Q(chain_id__isnull=False)
            ),
            # What a request did, by the number that its answer had.
            models.Index(fields=["request_id"], name="audit_request", condition=~Q(request_id="")),
            # The relay's queue: committed rows without a number.
            models.Index(fields=["id"], name="audit_unsealed", condition=Q(number__isnull=True)),
        ]
        constraints = [
            # Verify and the reaper walk a tenant's chain in order; nothing can be slipped in beside a record.
            models.UniqueConstraint(fields=["namespace", "tenant", "sequence_number"], name="audit_sequence"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.action_id}"


class Dashboard(AuditRecord):
    """The trail added up, as a page of the admin. Who may see records may see it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name_plural = "dashboard"

    def __str__(self) -> str:
        return f"{self.outcome} {self.action_id}"


class LiveBoard(AuditRecord):
    """The orders as they come, as a page of the admin. Who may see records may see it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name_plural = "live board"

    def __str__(self) -> str:
        return f"{self.outcome} {self.action_id}"


class Event(models.Model):
    """One live event, exactly the stream's frame. `number` is the SSE id; null until the relay gives it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.BigIntegerField(null=True, unique=True)
    type = models.CharField(max_length=40)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    # Not in the frame: a key that is scoped to providers sees by it.
    provider = models.CharField(max_length=256, default="")
    action_type = models.CharField(max_length=256, default="")
    action_id = models.CharField(max_length=256, default="")
    chain_id = models.CharField(max_length=64, default="")
    # Not in the frame either: of which group of actions it tells.
    group_id = models.CharField(max_length=64, default="", db_default="")
    data = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="The frame's further keys, redacted"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="event_unnumbered", condition=Q(number__isnull=True)),
            models.Index(fields=["created_at"], name="event_age"),
            # What a subscription to one action or chain is told of its past.
            models.Index(fields=["action_id"], name="event_action", condition=~Q(action_id="")),
            models.Index(fields=["chain_id"], name="event_chain", condition=~Q(chain_id="")),
            models.Index(fields=["group_id"], name="event_group", condition=~Q(group_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.type}"


class RelayHead(models.Model):
    """The one row that a relay holds while it numbers: the last numbers given."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    event_number = models.BigIntegerField(default=0)
    audit_number = models.BigIntegerField(default=0)
    # Events up to here may be gone: who resumes from further back has missed some.
    reaped_event_number = models.BigIntegerField(default=0)
    # Records up to here are in the rollups, but for those in a RollupGap. An older release leaves it as it is.
    rolled_up_number = models.BigIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"event {self.event_number}, audit {self.audit_number}"


class AuditHead(models.Model):
    """Where the hash chain of a namespace and tenant stands."""

    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    sequence_number = models.BigIntegerField(default=0)
    record_hash = models.CharField(max_length=64, default="")
    # Everything up to here was sealed and then removed by the reaper.
    reaped_sequence = models.BigIntegerField(default=0)
    reaped_hash = models.CharField(max_length=64, default="")
    # The patrol (audit_app.services.patrol): how far it has come on this round, and what it or a whole check found.
    patrolled_sequence = models.BigIntegerField(default=0, db_default=0)
    patrolled_at = models.DateTimeField(null=True)
    broken_at = models.CharField(max_length=64, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant"], name="audit_head_scope")]
        # Metrics and the doctor ask for broken ones alone.
        indexes = [models.Index(fields=["id"], name="audit_head_broken", condition=~Q(broken_at=""))]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.tenant} {self.sequence_number}"


class Counter(models.Model):
    """A total since the beginning, written by the relay, so that no request contends for it.

    The reaper adds what it deletes, and notices, which have no row in the trail, their calls.
    """

    name = models.CharField(max_length=80)
    label = models.CharField(max_length=256, default="")
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "label"], name="counter_name_label")]

    def __str__(self) -> str:
        return f"{self.name} {self.label} {self.value}"


class RedactedField(ManagedConfig):
    """A payload field whose value never reaches the trail: a name at any depth, or a dotted path."""

    path = models.CharField(
        max_length=200, unique=True, help_text="A field name (any depth) or a dotted path"
    )
    enabled = models.BooleanField(default=True)
    placeholder = models.CharField(max_length=40, default="[REDACTED]")

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path


class RetentionPolicy(ManagedConfig):
    """How long a tenant's data is kept. A null TTL keeps that kind for ever."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    enabled = models.BooleanField(default=True)
    audit_ttl_seconds = models.BigIntegerField(
        null=True, blank=True, validators=[AT_LEAST_ONE], help_text="Audit records"
    )
    state_ttl_seconds = models.BigIntegerField(
        null=True, blank=True, validators=[AT_LEAST_ONE], help_text="Ended runs, approvals and schedules"
    )
    event_ttl_seconds = models.BigIntegerField(
        null=True, blank=True, validators=[AT_LEAST_ONE], help_text="Finished orders and their history"
    )
    compliance_hold = models.BooleanField(default=False, help_text="Nothing is deleted while this is set")
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "retention policies"
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant"], name="retention_scope")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.tenant}"


class LegalHold(models.Model):
    """Nothing of what it names is deleted until somebody lifts it. Never changed otherwise, and never removed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256, help_text="* for all of the namespace")
    order_name = models.CharField(
        max_length=256, blank=True, default="", help_text="Empty: everything of the tenant"
    )
    # Of the time from then until before then; null: without end. An order is held whole.
    held_from = models.DateTimeField(
        "from", null=True, blank=True, help_text="UTC; empty: from the beginning"
    )
    held_until = models.DateTimeField("until", null=True, blank=True, help_text="UTC; empty: whatever comes")
    reason = models.TextField(help_text="Why: the matter, its number, who asked for it")
    placed_by = models.CharField(max_length=MAX_ACTOR)
    placed_at = models.DateTimeField(default=timezone.now)
    lifted_by = models.CharField(max_length=MAX_ACTOR, default="")
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(default="")

    class Meta:
        default_permissions = ("add", "change", "view")
        indexes = [
            # What the reaper asks before each batch.
            models.Index(
                fields=["namespace", "tenant"],
                name="legal_hold_standing",
                condition=Q(lifted_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        parts = (f"{self.namespace}/{self.tenant}", self.order_name, self.time_words)
        return " ".join(part for part in parts if part)

    @property
    def time_words(self) -> str:
        """From when until when, where it is about a time."""
        since = f"from {moment(self.held_from)}" if self.held_from else ""
        until = f"until {moment(self.held_until)}" if self.held_until else ""
        return f"{since} {until}".strip()
