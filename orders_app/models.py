"""Actions as submitted, orders and their lifecycle, holds, templates, remembered answers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig
from acteon_site.base.quick_rows import QuickRow
from orders_app.states import Decision, HoldKind, HoldStatus, OrderStatus, TieKind


class Lifecycle(ManagedConfig):
    """The states of a kind of order, and the payload fields that rules may trust."""

    name = models.CharField(max_length=200, unique=True)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    action_type = models.CharField(max_length=256, help_text="Actions of this type create orders")
    enabled = models.BooleanField(default=True)
    initial = models.CharField(max_length=100)
    states = models.JSONField(help_text="All state names, in order")
    transitions = models.JSONField(help_text='A list of {"from", "to"}')
    terminal = models.JSONField(default=list, blank=True, help_text="States in which an order is finished")
    timeouts = models.JSONField(
        default=list, blank=True, help_text='A list of {"state", "after_seconds", "to"}'
    )
    fields = models.JSONField(
        default=dict, blank=True, help_text="Payload fields: type, required, range, normal form"
    )
    fingerprint_field = models.CharField(
        max_length=200, blank=True, default="", help_text="Payload field that names the order"
    )

    def __str__(self) -> str:
        return self.name


class Action(QuickRow):
    """A submission as it came in (after template enrichment), encrypted. Replays and holds read it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    # Defaults of the database: processes of an earlier release insert rows while a new one is rolled out.
    provider = models.CharField(max_length=256, db_default="")
    action_type = models.CharField(max_length=256)
    action_id = models.CharField(max_length=256)
    body = EncryptedJSONField(help_text="The whole action")
    received_at = models.DateTimeField(default=timezone.now)
    replay_of = models.CharField(
        max_length=256,
        default="",
        db_default="",
        blank=True,
        help_text="The id of the action that was dispatched again",
    )

    class Meta:
        indexes = [
            models.Index(fields=["namespace", "tenant", "action_id"], name="action_lookup"),
            models.Index(fields=["namespace", "tenant", "received_at"], name="action_age"),
            # An action's replays.
            models.Index(
                fields=["namespace", "tenant", "replay_of"], name="action_replays", condition=~Q(replay_of="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_type} {self.action_id}"


class Order(QuickRow):
    """A placed order. Two independent axes: the lifecycle `state`, and the processing `status`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    provider = models.CharField(max_length=256, db_default="", help_text="That the action named")
    action_type = models.CharField(max_length=256)
    fingerprint = models.CharField(max_length=256)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    action_id_text = models.CharField(max_length=256)
    lifecycle = models.ForeignKey(Lifecycle, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=100)
    status = models.CharField(max_length=16, choices=OrderStatus)
    # False once a new placement is allowed: refused, or failed with nothing standing at any provider.
    living = models.BooleanField(default=True)
    run_id = models.UUIDField(null=True)
    reason = models.TextField(default="", help_text="Why it was rejected, failed or cancelled")
    timeout_at = models.DateTimeField(
        null=True, help_text="When the lifecycle's timeout of this state is due"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, help_text="Begin of event_ttl")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "tenant", "fingerprint"],
                condition=Q(living=True),
                name="one_living_order",
            )
        ]
        indexes = [
            # Also by the beginning of its name, which the operators of the database's language do not serve.
            models.Index(
                fields=["namespace", "tenant", "fingerprint", "-created_at"],
                name="order_named",
                opclasses=["varchar_ops", "varchar_ops", "varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(fields=["namespace", "tenant", "-updated_at", "-id"], name="order_tenant_newest"),
            models.Index(fields=["namespace", "tenant", "state", "-updated_at"], name="order_tenant_state"),
            models.Index(fields=["timeout_at"], name="order_timeout", condition=Q(timeout_at__isnull=False)),
            models.Index(
                fields=["finished_at"], name="order_finished", condition=Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.fingerprint


class Move(models.Model):
    """One lifecycle transition of an order."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="moves")
    from_state = models.CharField(max_length=100)
    to_state = models.CharField(max_length=100)
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.from_state} to {self.to_state}"


_WAITING = Q(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING)


class Hold(models.Model):
    """An action that waits: for a person (approval), for a time (schedule), or for its turn (throttle).

    `next_run_at` is what the sweeper looks at: an approval's expiry, a schedule's due time, or now once
    it was decided. `cleared` lists the rules that need not ask again; `passed` the gates already paid.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=HoldKind)
    status = models.CharField(max_length=16, choices=HoldStatus, default=HoldStatus.PENDING)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    action_id_text = models.CharField(max_length=256)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, related_name="holds")
    rule = models.CharField(max_length=200)
    cleared = models.JSONField(
        default=list, help_text='Rules passed so far: {"rule", "type", "payload_hash"}'
    )
    passed = models.JSONField(default=list, help_text="Keys of gates already consumed")
    payload_hash = models.CharField(max_length=64, default="", help_text="Of the payload the approver saw")
    context = models.JSONField(default=dict, help_text="Caller and request that submitted it")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(help_text="Release time of a schedule; expiry of an approval")
    next_run_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Approvals only.
    message = models.TextField(default="")
    notify_provider = models.CharField(max_length=256, default="")
    notified = models.BooleanField(default=False)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, default="")
    # What a list of approvals is sorted by: ten-thousandths of the currency's unit, and points; -1 while unknown.
    worth = models.BigIntegerField(default=-1, db_default=-1)
    currency = models.CharField(max_length=12, default="", db_default="")
    risk = models.SmallIntegerField(default=-1, db_default=-1)
    risk_reasons = models.JSONField(
        null=True, help_text="The points that make up the risk, each with its reason"
    )
    # A decision that is taken and takes effect at `next_run_at`; until then who took it may undo it.
    taken = models.CharField(max_length=8, choices=Decision, default="", db_default="")
    taken_by = models.CharField(max_length=200, default="", db_default="")
    taken_at = models.DateTimeField(null=True)
    taken_with = models.JSONField(null=True, help_text="How and in which request it was taken, and why")
    # How many people must approve, and who was the first of two.
    approvers = models.PositiveSmallIntegerField(default=1, db_default=1)
    first_by = models.CharField(max_length=200, default="", db_default="")
    first_at = models.DateTimeField(null=True)
    assigned_to = models.CharField(max_length=200, default="", db_default="")
    snoozed_until = models.DateTimeField(null=True)
    escalated_to = models.CharField(max_length=150, default="", db_default="", help_text="A group of people")
    remind_at = models.DateTimeField(null=True, help_text="When somebody is reminded, or it is escalated")
    outcome = EncryptedJSONField(null=True, help_text="What the release led to")
    attempts = models.PositiveIntegerField(default=0, help_text="Releases that could not be decided")
    problem = models.TextField(default="", help_text="Why the last release could not be decided")

    class Meta:
        indexes = [
            models.Index(fields=["next_run_at"], name="hold_due", condition=Q(next_run_at__isnull=False)),
            models.Index(fields=["namespace", "tenant", "kind", "-created_at"], name="hold_tenant_newest"),
            models.Index(fields=["kind", "status", "due_at"], name="hold_queue"),
            models.Index(fields=["ended_at"], name="hold_ended", condition=Q(ended_at__isnull=False)),
            models.Index(fields=["namespace", "tenant", "action_id_text"], name="hold_action"),
            # The list of approvals, by each of its orders (the soonest first: hold_queue).
            models.Index(fields=["-worth", "-id"], name="approval_worth", condition=_WAITING),
            models.Index(fields=["-risk", "-id"], name="approval_risk", condition=_WAITING),
            models.Index(fields=["-id"], name="approval_newest", condition=_WAITING),
            # What the sweeper has not looked at yet; whom it must remind; what somebody may still undo.
            models.Index(fields=["id"], name="approval_unassessed", condition=_WAITING & Q(risk=-1)),
            models.Index(
                fields=["remind_at"], name="approval_reminder", condition=Q(remind_at__isnull=False)
            ),
            models.Index(fields=["taken_by", "next_run_at"], name="approval_taken", condition=~Q(taken="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.action_id_text}"

    @property
    def order_name(self) -> str:
        """What people know it by: the order's name, else the action's id."""
        return self.order.fingerprint if self.order else self.action_id_text


class Approval(Hold):
    """What waits for a person's decision, as its page in the admin. Who may see and decide holds may do so here."""

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.order_name


class WaitingOrder(Hold):
    """What waits for its time or its turn, as its page in the admin."""

    class Meta:
        proxy = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.order_name


class Tie(QuickRow):
    """What an action may have in common with others, as a keyed hash: its customer, e-mail, card or address.

    Drawn from the trail off the request. Nothing can be read back from it; it goes with its action.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=TieKind)
    # Its index is that of `one_tie_of_a_kind`.
    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=24)
    # As in Hold.
    worth = models.BigIntegerField(default=-1)
    currency = models.CharField(max_length=12, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["action", "kind"], name="one_tie_of_a_kind")]
        indexes = [models.Index(fields=["key", "-at"], name="tie_key_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key[:8]}"


class TieHead(models.Model):
    """The one row that whoever draws ties holds: the last event that was looked at."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    event_number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"event {self.event_number}"


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


class Template(ManagedConfig):
    """A Jinja text that template profiles may refer to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    content = models.TextField()
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="template_name")]

    def __str__(self) -> str:
        return self.name


class TemplateProfile(ManagedConfig):
    """Fields that are rendered and merged into an action's payload before rules run."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    fields = models.JSONField(help_text='Per field: text, {"inline": text} or {"$ref": template name}')
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="profile_name")]

    def __str__(self) -> str:
        return self.name


class RememberedAnswer(models.Model):
    """The first answer to an Idempotency-Key, kept 24 hours. `key` is a keyed hash of caller and key."""

    key = models.CharField(max_length=64, primary_key=True)
    request_hash = models.CharField(max_length=64)
    kept = EncryptedJSONField(
        null=True, help_text="Set in the transaction that commits: a take-over rebuilds the answer from it"
    )
    status_code = models.PositiveSmallIntegerField(
        null=True, help_text="Null while the first is still running"
    )
    body = EncryptedJSONField(null=True)
    locked_until = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="answer_expiry")]

    def __str__(self) -> str:
        return self.key
