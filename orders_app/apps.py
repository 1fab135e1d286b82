from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders_app"
    verbose_name = "Orders"

    def ready(self) -> None:
        from chains_app import listeners
        from orders_app.services.followups import ActionRuns, ApprovalNotices, OrderRuns

        listeners.register("order", OrderRuns())
        listeners.register("action", ActionRuns())
        listeners.register("approval_notice", ApprovalNotices())
