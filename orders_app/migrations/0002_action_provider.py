"""Actions and orders name their provider in a column of its own: keys are scoped to providers.

Not in one transaction: adding a column locks its table, and reading every stored action takes a while. Processes of
the release before may go on inserting meanwhile; what they insert names no provider until this has passed by.
"""

from django.db import migrations, models, transaction

BATCH = 1000


def name_providers(apps, schema_editor):
    """From the stored action, which names it; orders take their action's. Page by page, in the order of the ids."""
    actions, orders = apps.get_model("orders_app", "Action"), apps.get_model("orders_app", "Order")
    waiting = actions.objects.filter(provider="").only("pk", "body").order_by("pk")
    page = list(waiting[:BATCH])
    while page:
        for action in page:
            action.provider = (action.body or {}).get("provider", "")
        named = actions.objects.filter(pk=models.OuterRef("action_id")).values("provider")
        with transaction.atomic(using=schema_editor.connection.alias):
            actions.objects.bulk_update(page, ["provider"])
            orders.objects.filter(action__in=page).update(provider=models.Subquery(named))
        page = list(waiting.filter(pk__gt=page[-1].pk)[:BATCH])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders_app", "0001_initial")]

    operations = [
        migrations.AddField("action", "provider", models.CharField(max_length=256, db_default="")),
        migrations.AddField(
            "order",
            "provider",
            models.CharField(max_length=256, db_default="", help_text="That the action named"),
        ),
        migrations.RunPython(name_providers, migrations.RunPython.noop),
    ]
