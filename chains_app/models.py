"""Providers and their breakers, chain definitions and versions, and the durable runs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig
from acteon_site.base.quick_rows import QuickRow
from chains_app.states import BreakerState, Phase, RunKind, RunStatus, StepStatus, Undo


class Provider(ManagedConfig):
    """A service that the gateway calls. `config` is checked by the kind's own file in chains_app/providers/."""

    name = models.CharField(max_length=256, unique=True)
    kind = models.CharField(max_length=32, help_text="one of docs/providers.md")
    enabled = models.BooleanField(default=True)
    description = models.TextField(blank=True, default="")
    config = models.JSONField(default=dict, blank=True, help_text="Settings that are no secrets")
    secrets = EncryptedJSONField(null=True, blank=True, help_text="Headers and signing keys, encrypted")
    secret_spellings = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="How files spell the secrets: ${NAME}, never a value",
    )
    timeout_seconds = models.FloatField(default=10)
    idempotency_window_seconds = models.PositiveIntegerField(
        default=82_800, help_text="How long it remembers an Idempotency-Key"
    )
    max_concurrent = models.PositiveIntegerField(
        default=50, db_default=50, help_text="How many calls to it each process may have in flight"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CircuitBreaker(ManagedConfig):
    """A provider's breaker: its settings, and the state that all processes share."""

    provider = models.CharField(max_length=256, unique=True)
    enabled = models.BooleanField(default=True)
    failure_threshold = models.PositiveIntegerField(default=3, help_text="Consecutive failures that open it")
    success_threshold = models.PositiveIntegerField(default=1, help_text="Probe successes that close it")
    recovery_timeout_seconds = models.PositiveIntegerField(default=30)
    fallback_provider = models.CharField(max_length=256, blank=True, default="")

    state = models.CharField(max_length=16, choices=BreakerState, default=BreakerState.CLOSED, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    successes = models.PositiveIntegerField(default=0, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    probe_token = models.UUIDField(null=True, editable=False)
    probe_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["provider"]

    def __str__(self) -> str:
        return f"{self.provider}: {self.state}"


class ChainDefinition(ManagedConfig):
    """A chain by name. Its content lives in versions; runs pin the version they started with."""

    name = models.CharField(max_length=200, unique=True)
    enabled = models.BooleanField(default=True)
    description = models.TextField(blank=True, default="")
    current = models.ForeignKey(
        "ChainVersion", on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ChainVersion(models.Model):
    """What a chain was at one time. Never changed; `spec` is the contract's definition, validated."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    definition = models.ForeignKey(ChainDefinition, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    actor = models.CharField(max_length=MAX_ACTOR, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["definition", "number"], name="chain_version_number")]

    def __str__(self) -> str:
        return f"version {self.number}"


class Run(QuickRow):
    """One execution: of a chain version, or of a single implicit step (`spec` holds it then).

    The row says what is due: `next_run_at`, and a lease whose token guards every result that is written.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=RunKind)
    chain_name = models.CharField(max_length=200)
    version = models.ForeignKey(ChainVersion, on_delete=models.PROTECT, null=True, related_name="+")
    spec = models.JSONField(null=True)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256)
    action_type = models.CharField(max_length=256)
    action_id = models.CharField(max_length=256)
    origin = EncryptedJSONField(help_text="The action as decided: what templates render from")
    # Whose run this is: the owner's listener is called when it ends (chains_app.listeners).
    owner_kind = models.CharField(max_length=32, default="")
    owner_id = models.UUIDField(null=True)
    reply = models.JSONField(default=dict, help_text="How the owner tells the outcome")

    status = models.CharField(max_length=24, choices=RunStatus, default=RunStatus.RUNNING)
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.FORWARD)
    ending = models.CharField(
        max_length=24, blank=True, default="", help_text="The status that compensation leads to"
    )
    current_step = models.PositiveIntegerField(default=0)
    execution_path = models.JSONField(default=list)
    # Found by run_children.
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, related_name="children", db_index=False
    )
    parent_step = models.CharField(max_length=200, default="")
    branch = models.CharField(max_length=200, default="", help_text="Of the parent's parallel step")
    inherited = EncryptedJSONField(
        null=True, help_text="Answers of the parent's steps, for a branch's templates"
    )

    started_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    next_run_at = models.DateTimeField(null=True)
    waits_since = models.DateTimeField(null=True, help_text="Since when it waits for a breaker or a person")
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    error = models.TextField(default="")
    error_code = models.CharField(max_length=40, default="")
    dead_lettered_at = models.DateTimeField(
        null=True, help_text="Ended without success, and wants a person's look"
    )
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(default="")
    cancelled_by = models.CharField(max_length=200, default="")

    class Meta:
        indexes = [
            # The queue of each tenant (`runs_due`).
            models.Index(
                fields=["namespace", "tenant", "next_run_at", "id"],
                name="run_due_of_tenant",
                condition=Q(next_run_at__isnull=False),
            ),
            models.Index(fields=["namespace", "tenant", "-started_at", "-id"], name="run_tenant_newest"),
            models.Index(fields=["namespace", "tenant", "status", "-started_at"], name="run_tenant_status"),
            models.Index(
                fields=["namespace", "tenant", "chain_name", "-started_at"], name="run_tenant_chain"
            ),
            models.Index(fields=["owner_kind", "owner_id"], name="run_owner"),
            models.Index(
                fields=["namespace", "tenant", "dead_lettered_at"],
                name="run_dead_letters",
                condition=Q(dead_lettered_at__isnull=False),
            ),
            models.Index(
                fields=["parent", "parent_step"], name="run_children", condition=Q(parent__isnull=False)
            ),
            models.Index(fields=["action_id"], name="run_action"),
            models.Index(fields=["ended_at"], name="run_ended", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.chain_name} {self.id}"


class DeadLetter(Run):
    """A run that ended without success and wants a look, as its page in the admin. Who sees runs sees these."""

    order_name = ""  # what people call its order, where somebody has looked it up

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.order_name or self.action_id


class StepRun(QuickRow):
    """One step of a run: recorded started before its call and finished after it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Its index is that of `step_once_per_run`.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    index = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    provider = models.CharField(max_length=256, default="")
    used_provider = models.CharField(max_length=256, default="", help_text="Who got the latest call")
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    max_retries = models.PositiveIntegerField(default=0)
    response = EncryptedJSONField(null=True)
    error = models.TextField(default="")
    first_called_at = models.DateTimeField(null=True, help_text="Begin of the provider's idempotency window")
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="Not called again (or undone) before")
    unknown = models.BooleanField(default=False, help_text="A call was made whose outcome nobody knows")
    error_code = models.CharField(max_length=40, default="")
    undo = models.CharField(max_length=16, choices=Undo, default=Undo.NONE)
    undo_attempt = models.PositiveIntegerField(default=0)
    undo_unknown = models.BooleanField(default=False, help_text="Nobody knows whether it was undone")
    undo_called_at = models.DateTimeField(
        null=True, help_text="Begin of the window of the compensation's key"
    )
    timed_from = models.DateTimeField(null=True, help_text="Since when the step's own time runs")

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="step_once_per_run")]

    def __str__(self) -> str:
        return f"{self.name}: {self.status}"


class Attempt(QuickRow):
    """One call to a provider. `success` is null while the call is in flight, or when nobody knows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    step = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    undo = models.BooleanField(default=False, help_text="A compensation call")
    provider = models.CharField(max_length=256)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    duration_ms = models.IntegerField(null=True)
    success = models.BooleanField(null=True)
    error = models.TextField(default="")
    error_code = models.CharField(max_length=40, default="")

    class Meta:
        ordering = ["started_at", "id"]
        # Of no column that changes when the call has ended: then no index hears of it.
        indexes = [models.Index(fields=["provider", "-started_at"], name="attempt_provider_begun")]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.provider}"


class Signal(models.Model):
    """A signal that was sent to a run. One that comes before its step is kept until then."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="signals")
    name = models.CharField(max_length=256)
    payload = EncryptedJSONField(null=True)
    sent_by = models.CharField(max_length=200, default="")
    received_at = models.DateTimeField(default=timezone.now)
    taken_by = models.CharField(max_length=200, default="", help_text="The step that waited for it")

    class Meta:
        ordering = ["received_at", "id"]

    def __str__(self) -> str:
        return self.name


class Incident(models.Model):
    """A run that waits for a person, and why."""

    TENANT_PATH = "run__"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="incidents")
    step = models.CharField(max_length=200, default="")
    reason = models.CharField(max_length=40)
    message = models.TextField(default="")
    opened_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=40, default="")
    resolved_by = models.CharField(max_length=200, default="")

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["run"], condition=Q(resolved_at__isnull=True), name="one_open_incident"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.step})"
