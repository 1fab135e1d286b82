"""Stage 1, Admit: what a caller sent is an action, and the caller's key covers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acteon_site.base.breathing import breathe
from acteon_site.base.errors import forbidden
from acteon_site.base.tracing import with_trace
from orders_app.contract.actions import Action, parse_action
from orders_app.pipeline.items import Submission


def action_admit(body: Any, submission: Submission) -> Action:
    """The action in a decoded JSON body. Raises 422 naming every wrong field, 403 where the key does not cover it."""
    breathe()  # one of many, perhaps
    action, caller = parse_action(body), submission.caller
    if submission.trace:
        action = replace(action, extras=with_trace(action.extras, submission.trace))
    if not caller.covers_action(action.namespace, action.tenant, action.provider, action.action_type):
        raise forbidden("this key does not cover that namespace, tenant, provider or action type")
    return action
