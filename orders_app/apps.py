from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        from audit_app.services import reaper
        from chains_app import listeners
        from chains_app import references as chain_references
        from orders_app.pipeline.decide import payload_check_for
        from orders_app.services import reaping
        from orders_app.services.chain_references import Neighbours
        from orders_app.services.followups import ActionRuns, ApprovalNotices, OrderRuns
        from orders_app.services.rule_references import rule_reference_problems
        from rules_app import references
        from rules_app.services.evaluation import payload_check_register

        listeners.register("order", OrderRuns())
        listeners.register("action", ActionRuns())
        listeners.register("approval_notice", ApprovalNotices())
        reaper.register("holds", reaping.reap_holds)
        reaper.register("orders", reaping.reap_orders, counter="retention_deleted_events")
        reaper.register("actions", reaping.reap_actions, counter="retention_deleted_audit")
        reaper.register_tidy("answers", reaping.tidy_answers)
        references.register(rule_reference_problems)
        chain_references.register(Neighbours())
        payload_check_register(payload_check_for)
