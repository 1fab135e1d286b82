"""The locks of the compliance mode in force, as far as the trail is concerned."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from acteon_site.base.compliance import Locks, locks_of

REFUSED = "sealed audit records cannot be changed or deleted in this compliance mode"
_LOCK = f"""
    CREATE OR REPLACE FUNCTION acteon_audit_locked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('acteon.reaping', true) = 'on' THEN RETURN OLD; END IF;
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege';
    END $$;
    DROP TRIGGER IF EXISTS acteon_audit_unchanged ON audit_app_auditrecord;
    CREATE TRIGGER acteon_audit_unchanged BEFORE UPDATE ON audit_app_auditrecord
        FOR EACH ROW WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION acteon_audit_locked();
    DROP TRIGGER IF EXISTS acteon_audit_kept ON audit_app_auditrecord;
    CREATE TRIGGER acteon_audit_kept BEFORE DELETE ON audit_app_auditrecord
        FOR EACH ROW EXECUTE FUNCTION acteon_audit_locked();
    DROP TRIGGER IF EXISTS acteon_audit_not_emptied ON audit_app_auditrecord;
    CREATE TRIGGER acteon_audit_not_emptied BEFORE TRUNCATE ON audit_app_auditrecord
        FOR EACH STATEMENT EXECUTE FUNCTION acteon_audit_locked();
"""
_UNLOCK = """
    DROP TRIGGER IF EXISTS acteon_audit_unchanged ON audit_app_auditrecord;
    DROP TRIGGER IF EXISTS acteon_audit_kept ON audit_app_auditrecord;
    DROP TRIGGER IF EXISTS acteon_audit_not_emptied ON audit_app_auditrecord;
"""
LOCKS = 3
_LOCKS_ON = """
    SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass('audit_app_auditrecord') AND tgenabled <> 'D'
    AND tgname IN ('acteon_audit_unchanged', 'acteon_audit_kept', 'acteon_audit_not_emptied')
"""


def locks() -> Locks:
    return locks_of(settings.COMPLIANCE_MODE)


def trail_lock_apply() -> None:
    """Lock or unlock the table as the mode says: after each `migrate`. On PostgreSQL alone, which a mode needs.

    Where it is so already nothing is done: even to drop a trigger that is not there holds up all who write.
    """
    wanted = LOCKS if locks().locks_trail else 0
    if connection.vendor == "postgresql" and _locks_on() != wanted:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK if wanted else _UNLOCK)


def trail_is_locked() -> bool:
    """As the database has it now."""
    return connection.vendor == "postgresql" and _locks_on() == LOCKS


def _locks_on() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_LOCKS_ON)
        return int(cursor.fetchone()[0])


def let_reaper_delete() -> None:
    """For the rest of this transaction: retention is the one who may."""
    if locks().locks_trail and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL acteon.reaping = 'on'")


def audit_ttl_problem(seconds: int | None) -> str:
    """Why records may not be deleted after so long; "" where they may."""
    least = locks().least_audit_seconds
    if seconds is None or seconds >= least:
        return ""
    mode = settings.COMPLIANCE_MODE
    return f"must be at least {least} seconds ({least // 86_400} days) in the compliance mode {mode}"


def audit_ttl_at_least(seconds: int | None) -> int | None:
    """What the reaper goes by where a policy, or a row changed by hand, is shorter than the mode allows."""
    return None if seconds is None else max(seconds, locks().least_audit_seconds)
