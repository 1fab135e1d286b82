"""What an embedded system needs before it serves: a schema, a pipeline, people."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from acteon_site.access.people import DemoUser, demo_users_ensure
from acteon_site.config_files.load import is_loaded

FIXTURES = Path(settings.BASE_DIR) / "fixtures" / "ecommerce"
SECRET_SETTINGS = ("SECRET_KEY", "FERNET_KEYS", "APPROVAL_KEYS", "LOOKUP_HASH_KEY")


@dataclass(frozen=True, slots=True)
class Prepared:
    loaded: Path | None
    users: list[DemoUser] = field(default_factory=list)


def missing_secrets() -> list[str]:
    return [name for name in SECRET_SETTINGS if not getattr(settings, name)]


def prepare(*, fixtures: Path | None = None) -> Prepared:
    """Migrate, load `fixtures` (or ours where nothing is loaded yet), create the local users.

    Raises CommandError where the fixtures do not load; the database then stands as it was.
    """
    call_command("migrate", verbosity=0, interactive=False)
    directory = fixtures or (None if is_loaded() else FIXTURES)
    if directory is not None:
        call_command("load_pipeline", str(directory), verbosity=0)
    return Prepared(directory, demo_users_ensure())
