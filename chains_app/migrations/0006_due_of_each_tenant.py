from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# Rows that are written at each turn have room for a newer version beside them: then no index hears of it.
FILLED = {"chains_app_run": 70, "chains_app_steprun": 80}


def leave_room(apps: Any, schema_editor: Any) -> None:
    _fill(schema_editor, FILLED)


def leave_none(apps: Any, schema_editor: Any) -> None:
    _fill(schema_editor, dict.fromkeys(FILLED, 100))


def _fill(schema_editor: Any, filled: dict[str, int]) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table, percent in filled.items():
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")


class Migration(migrations.Migration):
    dependencies = [("chains_app", "0005_provider_max_concurrent")]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("next_run_at__isnull", False)),
                fields=["namespace", "tenant", "next_run_at", "id"],
                name="run_due_of_tenant",
            ),
        ),
        migrations.RemoveIndex(model_name="run", name="run_due"),
        migrations.AlterField(
            model_name="steprun",
            name="run",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="steps",
                to="chains_app.run",
            ),
        ),
        migrations.RunPython(leave_room, leave_none),
    ]
