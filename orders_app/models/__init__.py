"""Actions, orders, holds and what belongs to them, as rows."""

from orders_app.models.answers import RememberedAnswer
from orders_app.models.approvals import ApprovalPolicy, SavedFilter
from orders_app.models.groups import ActionGroup, GroupedAction
from orders_app.models.holds import Approval, Hold, WaitingOrder
from orders_app.models.orders import Action, Lifecycle, Move, Order
from orders_app.models.recurring import RecurringAction, RecurringFiring
from orders_app.models.templates import Template, TemplateProfile
from orders_app.models.ties import Tie, TieHead

__all__ = [
    "Action",
    "ActionGroup",
    "Approval",
    "ApprovalPolicy",
    "GroupedAction",
    "Hold",
    "Lifecycle",
    "Move",
    "Order",
    "RecurringAction",
    "RecurringFiring",
    "RememberedAnswer",
    "SavedFilter",
    "Template",
    "TemplateProfile",
    "Tie",
    "TieHead",
    "WaitingOrder",
]
