"""States of orders and holds."""

from django.db.models import TextChoices


class OrderStatus(TextChoices):
    HELD = "held"  # waits for an approval
    SCHEDULED = "scheduled"  # waits for its time or its turn
    PROCESSING = "processing"  # its run is under way
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"  # by an approver, or by a rule on release
    EXPIRED = "expired"  # nobody decided in time
    CANCELLED = "cancelled"


WAITING = frozenset({OrderStatus.HELD, OrderStatus.SCHEDULED})
# These refuse lifecycle transitions.
UNMOVABLE = WAITING | {OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELLED}


class RefundState(TextChoices):
    """Where a refund stands in the ledger of the order that it refunds."""

    RESERVED = "reserved"  # it waits, is under way, or nobody knows whether it was paid
    PAID = "paid"
    RELEASED = "released"  # known not to have been paid


class HoldKind(TextChoices):
    APPROVAL = "approval"
    SCHEDULE = "schedule"
    TURN = "turn"  # throttled on release: waits for its slot


class HoldStatus(TextChoices):
    PENDING = "pending"
    APPROVED = "approved"  # decided; its release may still be due
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    CANCELLED = "cancelled"


class Decision(TextChoices):
    APPROVE = "approve"
    REJECT = "reject"


class TieKind(TextChoices):
    """What two orders may have in common."""

    CUSTOMER = "customer"
    EMAIL = "email"
    CARD = "card"
    ADDRESS = "address"


class GroupState(TextChoices):
    WAITING = "waiting"  # takes more actions
    FLUSHING = "flushing"  # closed; its call is to be made, or under way
    FLUSHED = "flushed"  # its provider has it
    FAILED = "failed"  # its call failed


class ClosedBy(TextChoices):
    """Why a group takes no more actions."""

    TIME = "time"
    SIZE = "size"
    PERSON = "person"  # someone had it sent


class Overlap(TextChoices):
    """What a recurring action does where what it dispatched before has not ended."""

    ALLOW_ALL = "allow_all"  # is dispatched all the same
    SKIP = "skip"  # passes this occurrence over
    CANCEL_OTHER = "cancel_other"  # cancels what has not ended, and is dispatched after it


class Missed(TextChoices):
    """What becomes of occurrences whose time passed while nobody could fire them."""

    SKIP = "skip"
    ONCE = "once"  # the latest alone
    ALL = "all"  # each, one after the other


class FiringKind(TextChoices):
    """Why an occurrence was fired when it was."""

    DUE = "due"
    MISSED = "missed"  # late, since nobody could fire it in time
    BACKFILL = "backfill"
    MANUAL = "manual"
