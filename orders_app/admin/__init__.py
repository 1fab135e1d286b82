"""The admin pages of orders and of what waits, and of lifecycles and templates.

Actions as submitted and remembered answers have no page: what they hold is shown, redacted, where it belongs.
"""

from acteon_site.base.registry import register
from orders_app.admin.approvals import ApprovalAdmin
from orders_app.admin.groups import ActionGroupAdmin
from orders_app.admin.lifecycles import LifecycleAdmin
from orders_app.admin.orders import OrderAdmin
from orders_app.admin.parts import PARTS
from orders_app.admin.policies import ApprovalPolicyAdmin
from orders_app.admin.recurring import RecurringActionAdmin
from orders_app.admin.templates import TemplateAdmin, TemplateProfileAdmin
from orders_app.admin.waiting import WaitingOrderAdmin

__all__ = [
    "ActionGroupAdmin",
    "ApprovalAdmin",
    "ApprovalPolicyAdmin",
    "LifecycleAdmin",
    "OrderAdmin",
    "RecurringActionAdmin",
    "TemplateAdmin",
    "TemplateProfileAdmin",
    "WaitingOrderAdmin",
]

register(PARTS)
