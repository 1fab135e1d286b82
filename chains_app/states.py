"""States of runs, steps and breakers."""

from django.db.models import TextChoices


class RunKind(TextChoices):
    CHAIN = "chain"  # a chain definition's version
    SINGLE = "single"  # one implicit step: a bare action, a reroute
    BRANCH = "branch"  # one branch of a parallel step, below the run that has it
    NOTICE = "notice"  # one implicit step that tells someone: approvals, quotas, cancellations


class RunStatus(TextChoices):
    """The contract's names."""

    RUNNING = "running"
    WAITING_SUB_CHAIN = "waiting_sub_chain"
    WAITING_TIMER = "waiting_timer"
    WAITING_SIGNAL = "waiting_signal"  # for a signal, or parked: an incident waits for a person
    WAITING_PARALLEL = "waiting_parallel"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


TERMINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT})


class Phase(TextChoices):
    FORWARD = "forward"
    UNDOING = "undoing"  # compensating, in reverse; `ending` says where it leads


class StepStatus(TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Undo(TextChoices):
    NONE = "none"  # nothing to undo, or not asked to
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class BreakerState(TextChoices):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
