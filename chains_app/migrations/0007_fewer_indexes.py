from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# An attempt is written twice; with room for the second version beside the first, no index hears of it.
FULL, WITH_ROOM = 100, 75


def leave_room(apps: Any, schema_editor: Any) -> None:
    _fill(schema_editor, WITH_ROOM)


def leave_none(apps: Any, schema_editor: Any) -> None:
    _fill(schema_editor, FULL)


def _fill(schema_editor: Any, percent: int) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE chains_app_attempt SET (fillfactor = {percent})")


class Migration(migrations.Migration):
    dependencies = [("chains_app", "0006_due_of_each_tenant")]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="parent",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="children",
                to="chains_app.run",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["provider", "-started_at"], name="attempt_provider_begun"),
        ),
        migrations.RemoveIndex(model_name="attempt", name="attempt_provider_newest"),
        migrations.RunPython(leave_room, leave_none),
    ]
