from typing import Any

from django.db import migrations


def drop(apps: Any, schema_editor: Any) -> None:
    """Django makes a second index of a text that is a key, for LIKE, which nobody asks here."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {_name(apps, schema_editor)}")


def make(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        table, name = _table(apps), _name(apps, schema_editor)
        schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (key varchar_pattern_ops)")


def _table(apps: Any) -> str:
    return str(apps.get_model("rules_app", "GateRow")._meta.db_table)


def _name(apps: Any, schema_editor: Any) -> str:
    return str(schema_editor.quote_name(schema_editor._create_index_name(_table(apps), ["key"], suffix="_like")))


class Migration(migrations.Migration):
    dependencies = [("rules_app", "0007_backtests")]

    operations = [migrations.RunPython(drop, make)]
