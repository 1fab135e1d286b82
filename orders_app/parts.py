"""What orders bring to the site and to the apps below. Registered at start-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acteon_site.base.registry import Hook, Registry
from acteon_site.base.tidying import TIDIES
from acteon_site.config_files.kind import KINDS
from acteon_site.http.direct import DOORS
from acteon_site.http.openapi_hooks import DESCRIPTIONS, Description
from acteon_site.watching.checkups.table import CHECKUPS
from acteon_site.watching.metrics import GAUGES
from acteon_site.watching.status_parts import STATUS_PARTS
from audit_app.services.legal_holds import ACTIONS_OF_ORDERS
from audit_app.services.reaper import REAPERS, Reaper
from chains_app.listeners import LISTENERS
from chains_app.references import NEIGHBOURS
from orders_app import checkups, metrics
from orders_app.api.together import DispatchDoor
from orders_app.config_kinds.approval_policies import ApprovalPolicies
from orders_app.config_kinds.lifecycles import Lifecycles
from orders_app.config_kinds.profiles import Profiles
from orders_app.config_kinds.recurring import Recurring
from orders_app.config_kinds.templates import Templates
from orders_app.pipeline.decide import order_name_for, payload_check_for
from orders_app.pipeline.refunds import order_facts_now
from orders_app.services import reaping
from orders_app.services.chain_references import Neighbours
from orders_app.services.group_rules import group_rule_problems
from orders_app.services.group_runs import GroupRuns
from orders_app.services.outlook import cleaner_of, outlook_of_action, start_of_order
from orders_app.services.past_counts import counts_then
from orders_app.services.past_dispatches import StoredDispatches
from orders_app.services.rule_references import rule_reference_problems
from orders_app.services.rule_vocabulary import OrderLifecycles, chain_names, provider_names
from orders_app.services.run_listeners import ActionRuns, ApprovalNotices, OrderRuns
from orders_app.services.trial_orders import orders_of_actions
from rules_app.references import CHECKS, LIFECYCLES, NAMES, RULE_CHECKS
from rules_app.services.evaluation import ORDER_NAMES, PAYLOAD_CHECKS
from rules_app.services.past_dispatches import PAST_DISPATCHES
from rules_app.services.past_moments import COUNTS_THEN, ORDER_FACTS
from rules_app.services.trial_reports import ORDERS
from rules_app.services.trying import CLEANERS, OUTLOOKS, STARTS

PARTS: Mapping[Registry[Any], Sequence[Any]] = {
    CHECKUPS: checkups.CHECKUPS,
    STATUS_PARTS: (Hook("releases", checkups.releases_status),),
    KINDS: (Lifecycles(), Templates(), Profiles(), ApprovalPolicies(), Recurring()),
    LISTENERS: (OrderRuns(), ActionRuns(), ApprovalNotices(), GroupRuns()),
    NEIGHBOURS: (Neighbours(),),
    CHECKS: (Hook("providers and chains", rule_reference_problems),),
    RULE_CHECKS: (Hook("groups", group_rule_problems),),
    LIFECYCLES: (OrderLifecycles(),),
    NAMES: (Hook("chains", chain_names), Hook("providers", provider_names)),
    ORDER_NAMES: (Hook("lifecycles", order_name_for),),
    PAYLOAD_CHECKS: (Hook("lifecycles", payload_check_for),),
    STARTS: (Hook("orders", start_of_order),),
    OUTLOOKS: (Hook("dispatch", outlook_of_action),),
    PAST_DISPATCHES: (StoredDispatches(),),
    COUNTS_THEN: (Hook("orders", counts_then),),
    ORDER_FACTS: (Hook("ledgers", order_facts_now),),
    CLEANERS: (Hook("redaction", cleaner_of),),
    ORDERS: (Hook("orders", orders_of_actions),),
    ACTIONS_OF_ORDERS: (Hook("orders", reaping.actions_of_orders),),
    REAPERS: (
        Reaper("holds", reaping.reap_holds),
        Reaper("groups", reaping.reap_groups),
        Reaper("firings", reaping.reap_firings),
        Reaper("orders", reaping.reap_orders, "retention_deleted_events"),
        Reaper("actions", reaping.reap_actions, "retention_deleted_audit"),
    ),
    TIDIES: (Hook("answers", reaping.tidy_answers),),
    DESCRIPTIONS: (Description("orders_app.api.schema"),),
    DOORS: (DispatchDoor(),),
    GAUGES: (
        Hook("holds", metrics.holds),
        Hook("groups", metrics.groups),
        Hook("recurring", metrics.recurring),
    ),
}
