"""Actions and orders name their provider in a column of its own: keys are scoped to providers."""

from django.db import migrations, models

BATCH = 1000


def name_providers(apps, schema_editor):
    """From the stored action, which names it; orders take their action's."""
    actions, orders = apps.get_model("orders_app", "Action"), apps.get_model("orders_app", "Order")
    batch = []
    for action in actions.objects.only("body").iterator(chunk_size=BATCH):
        action.provider = (action.body or {}).get("provider", "")
        batch.append(action)
        if len(batch) == BATCH:
            actions.objects.bulk_update(batch, ["provider"])
            batch = []
    actions.objects.bulk_update(batch, ["provider"])
    named = actions.objects.filter(pk=models.OuterRef("action_id")).values("provider")
    orders.objects.update(provider=models.Subquery(named))


class Migration(migrations.Migration):
    dependencies = [("orders_app", "0001_initial")]

    operations = [
        migrations.AddField("action", "provider", models.CharField(max_length=256, default=""), False),
        migrations.AddField(
            "order",
            "provider",
            models.CharField(max_length=256, default="", help_text="That the action named"),
            False,
        ),
        migrations.RunPython(name_providers, migrations.RunPython.noop),
    ]
