"""`manage.py doctor` finds what is wrong, says what to do, and tells programs by its exit code."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from fernet_fields.hkdf import derive_fernet_key

from acteon_site.access.keys import api_key_create
from acteon_site.access.people import demo_users_ensure
from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.findings import Finding, State
from acteon_site.models import ApiKey, Heartbeat
from acteon_site.tasks import canary
from acteon_site.watching import probes, sizes
from acteon_site.watching.checkups import services
from acteon_site.watching.checkups.table import CHECKUPS
from audit_app.models import AuditHead
from chains_app.models import ChainDefinition, Provider, Run
from chains_app.providers import resolving
from chains_app.services.providers import provider_save
from orders_app.models import Action, Hold
from rules_app.models import RuleSetVersion
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.django_db
Findings = list[dict[str, str]]
IN_PRODUCTION = {
    "EMBEDDED": False,
    "MODE": "production",
    "DEMO_CLOCK": False,
    "PUBLIC_URL": "https://orders.example.com",
    "ALLOWED_HOSTS": ["orders.example.com"],
    "RATE_PER_MINUTE": 60_000,
    "TRUSTED_PROXIES": 1,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
}


def examined(*words: str) -> tuple[int, Findings]:
    """The exit code, and the findings."""
    out = StringIO()
    code = 0
    try:
        call_command("doctor", "--json", *words, stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue())["checks"]


def told(name: str) -> list[Finding]:
    """What one checkup finds that is not well."""
    return [found for found in CHECKUPS[name].look() if found.state != State.OK]


def trouble(name: str) -> tuple[str, str]:
    """State and text of the first of these."""
    return next(((found.state, found.text) for found in told(name)), ("ok", ""))


def configure(settings: Any, **changes: Any) -> None:
    for name, value in {**IN_PRODUCTION, **changes}.items():
        setattr(settings, name, value)


def test_a_gateway_that_is_well_has_nothing_that_fails(shop: Shop, settings: Any) -> None:
    canary()
    settings.DEMO_CLOCK = False
    code, found = examined()
    assert {one["name"] for one in found if one["state"] == "fail"} == set()
    assert code == (3 if any(one["state"] == "warn" for one in found) else 0)
    assert len({one["name"] for one in found}) >= 24
    assert all(one["todo"] for one in found if one["state"] != "ok")


def test_people_read_a_table_that_ends_with_the_counts(shop: Shop) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)
    assert "FAIL" in out.getvalue()
    assert "no worker has ever finished a task" in out.getvalue()
    assert out.getvalue().strip().splitlines()[-1].endswith("fail")


def test_a_silent_worker_fails(shop: Shop) -> None:
    canary()
    Heartbeat.objects.update(at=db_now() - timedelta(minutes=9))
    assert trouble("workers") == ("fail", "no worker has finished a task of the scheduler for 9 min")
    assert examined("--only-trouble")[0] == 1


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "hosts",
            {"ALLOWED_HOSTS": ["elsewhere.example"]},
            "leads to orders.example.com, which ALLOWED_HOSTS refuses",
        ),
        ("hosts", {"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS admits every name"),
        ("proxies", {"SECURE_PROXY_SSL_HEADER": None}, "X-Forwarded-Proto is not believed"),
        ("proxies", {"TRUSTED_PROXIES": ()}, "counts as the client of all failed sign-ins"),
        ("doors", {"DEMO_CLOCK": True}, "may set the rules' clock"),
        ("doors", {"RATE_PER_MINUTE": 0}, "no limit of requests"),
        ("settings", {"LOOKUP_HASH_KEY": ""}, "acteon.E002"),
        ("settings", {"REDIS_URL": ""}, "acteon.E012"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    shop: Shop, settings: Any, name: str, changes: dict[str, Any], said: str
) -> None:
    configure(settings, REDIS_URL="redis://127.0.0.1:1/0")
    assert not any(said in found.text for found in told(name))
    configure(settings, **changes)
    assert any(said in found.text for found in told(name))


def test_users_of_the_demo_are_an_open_door_in_production(shop: Shop, settings: Any) -> None:
    demo_users_ensure()
    assert trouble("people")[0] == "ok"
    configure(settings)
    assert "can sign in: admin" in trouble("people")[1]


def test_a_broker_that_is_away_fails_and_hides_nothing_else(shop: Shop, settings: Any) -> None:
    settings.REDIS_URL = "redis://:very-secret@127.0.0.1:1/0"
    _, found = examined()
    assert [one["state"] for one in found if one["name"] == "broker"] == ["fail"]
    assert "very-secret" not in json.dumps(found)
    assert [one["state"] for one in found if one["name"] == "rules"] == ["ok"]


def test_without_the_database_the_rest_is_still_looked_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "_database", lambda: "does not answer")
    monkeypatch.setattr(probes.database_state, "_probe", lambda: "does not answer")
    code, found = examined()
    states = {one["name"]: one["state"] for one in found}
    assert (code, states["database"], states["rules"], states["disks"]) == (1, "fail", "warn", "ok")
    probes.database_state.forget()


def test_clocks_that_are_apart_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, state in ((0, "ok"), (5, "warn"), (90, "fail")):
        monkeypatch.setattr(
            services, "db_now", lambda seconds=seconds: timezone.now() + timedelta(seconds=seconds)
        )
        assert trouble("clocks")[0] == state


def test_a_disk_that_is_nearly_full_fails(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = services.shutil.disk_usage
    monkeypatch.setattr(services.shutil, "disk_usage", lambda path: real(path)._replace(total=1000, free=40))
    state, text = trouble("disks")
    assert (state, "4% of" in text) == ("fail", True)
    assert sizes.disk_paths()


def test_keys_that_are_old_or_end_soon_are_named(shop: Shop) -> None:
    old, _ = api_key_create(name="ancient", role="viewer")
    api_key_create(name="ending", role="viewer", expires_at=timezone.now() + timedelta(days=3))
    ApiKey.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=800))
    assert [found.text for found in told("API keys")] == [
        "keys that end within two weeks: ending",
        "keys that are older than a year and never end: ancient",
        "keys that were never used in a year: ancient",
    ]


def test_rows_that_an_old_key_wrote_ask_for_a_rotation(shop: Shop, settings: Any) -> None:
    shop.place()
    assert trouble("secrets") == ("ok", "")
    settings.FERNET_KEYS = ["a-new-key", *settings.FERNET_KEYS]
    assert trouble("secrets") == ("warn", "FERNET_KEYS holds 2 keys, and rows use an old one")
    settings.FERNET_KEYS = ["a-new-key"]
    assert trouble("secrets") == ("fail", "some stored values can be read with none of FERNET_KEYS")
    token = Fernet(derive_fernet_key("a-new-key")).encrypt(b"{}")
    with connection.cursor() as cursor:
        for model, column in ((Action, "body"), (Provider, "secrets"), (Run, "origin"), (Run, "inherited")):
            cursor.execute(
                f"UPDATE {model._meta.db_table} SET {column} = %s WHERE {column} IS NOT NULL", [token]
            )


def test_what_waits_too_long_is_told(shop: Shop) -> None:
    shop.place()
    shop.place(payload={"total_cents": 60_000})
    now = db_now()
    Run.objects.update(next_run_at=now - timedelta(seconds=45), lease_until=None)
    Hold.objects.update(next_run_at=now - timedelta(hours=2))
    assert trouble("runs") == ("warn", "runs that are due: the oldest is 45 s old")
    assert trouble("releases") == ("fail", "orders whose time has come: the oldest is 2 h old")
    Hold.objects.update(created_at=now - timedelta(minutes=50), due_at=now + timedelta(minutes=10))
    assert trouble("approvals") == ("warn", "1 approvals have less than a quarter of their time left")
    Hold.objects.update(created_at=now - timedelta(minutes=20))
    assert trouble("approvals") == ("ok", "")


def test_a_provider_that_no_name_server_knows_fails_and_is_not_called(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"name": "gone", "type": "webhook", "url": "https://gone.invalid/pay"}
    provider_save(spec=spec, actor="test")

    def unknown(host: str, *_: Any, **__: Any) -> None:
        raise OSError(host)

    monkeypatch.setattr(resolving.socket, "getaddrinfo", unknown)
    assert trouble("providers") == ("fail", "gone: nobody knows the host gone.invalid")


def test_rules_that_do_not_load_and_chains_without_their_provider_fail(shop: Shop) -> None:
    newest = RuleSetVersion.objects.order_by("-number").first()
    assert newest is not None
    newest.content["rules"][0]["condition"] = {"field": "action.nonsense(", "eq": 1}
    RuleSetVersion.objects.create(number=newest.number + 1, content=newest.content)
    state, text = trouble("rules")
    assert (state, text.startswith(f"version {newest.number + 1} does not load: rules[")) == ("fail", True)
    Provider.objects.filter(name="warehouse").delete()
    config_versions.reset()
    assert "calls warehouse, which there is not" in trouble("chains")[1]
    RuleSetVersion.objects.all().delete()
    assert trouble("rules")[1].startswith("no rules were ever published")
    assert ChainDefinition.objects.exists()


def test_a_broken_chain_and_a_tenant_without_retention_are_told(shop: Shop) -> None:
    AuditHead.objects.create(**SCOPE, sequence_number=3, broken_at="sequence 2")
    AuditHead.objects.create(namespace="ecommerce", tenant="other", sequence_number=1)
    assert trouble("hash chain") == ("fail", "the hash chain of ecommerce/acme-store is broken at sequence 2")
    assert trouble("retention") == (
        "warn",
        "everything is kept for ever of ecommerce/acme-store, ecommerce/other",
    )
