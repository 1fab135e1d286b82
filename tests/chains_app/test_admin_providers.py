"""The provider's page: keys and addresses typed there, and what people see who may not edit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from acteon_site.base import config_versions
from chains_app.admin.provider_help import CONFIG_HELP, SECRETS_HELP
from chains_app.models import Provider
from chains_app.providers.registry import KINDS
from chains_app.selectors import providers
from chains_app.services.providers import provider_save
from tests.chains_app.pages import SECRET, add_provider, errors_of, provider_form, staff, url
from tests.chains_app.shop import open_shop

pytestmark = pytest.mark.django_db
SLACK = "https://hooks.slack.com/services/T0TEAM/B0BOT/abcdefghijklmnop"
OLD, NEW = "an-old-key-of-some-length", "a-new-key-of-some-length"


def viewer() -> Client:
    user = User.objects.create_user("vic", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_provider"))
    client = Client()
    client.force_login(user)
    return client


def test_the_help_names_every_key_of_every_kind() -> None:
    for kind in KINDS.values():
        assert [key for key in kind.config_keys if key not in CONFIG_HELP] == []
        assert [key for key in kind.secret_keys if key not in SECRETS_HELP] == []


def test_terms_are_typed_as_they_are_written_in_files() -> None:
    config = """\
url: "https://api.shop.example/stock"
method: GET
success_statuses: ["2xx", 404]
retry_statuses: [429, "5xx"]
settling_statuses: [400]
response_mapping: {in_stock: "data.items[0].available"}
max_request_bytes: 2048
max_response_bytes: 4096
"""
    assert add_provider(staff(), config=config).status_code == 302
    assert Provider.objects.get().config["success_statuses"] == ["2xx", 404]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("success_statuses: [302]", "success_statuses[0]: a redirect is never a success"),
        ("method: GET\nformat: json", "format: GET has no body"),
        ("response_mapping: {a: 5}", "response_mapping.a: must be a path such as"),
        ("max_response_bytes: 1", "max_response_bytes: must be a whole number from 1024"),
    ],
)
def test_wrong_terms_are_told_beside_the_field(config: str, said: str) -> None:
    told = errors_of(add_provider(staff(), config=f"url: https://x.example\n{config}"))["config"]
    assert said in told[0]


def test_an_address_may_be_typed_as_a_secret() -> None:
    client = staff()
    secrets = json.dumps({"secret_url": SLACK, "signing_keys": [NEW, OLD]})
    assert add_provider(client, config="", new_secrets=secrets).status_code == 302
    row = Provider.objects.get()
    assert (row.config, row.secrets) == ({}, {"secret_url": SLACK, "signing_keys": [NEW, OLD]})
    page = client.get(url("provider", "change", row.pk)).content.decode()
    assert "secret_url, signing_keys (2)" in page
    assert "T0TEAM" not in page


def test_a_new_key_takes_the_place_of_the_old_one_by_forgetting_it() -> None:
    client = staff()
    add_provider(client, new_secrets=json.dumps({"headers": {"X-A": "b"}, "signing_key": OLD}))
    page = url("provider", "change", Provider.objects.get().pk)
    both = provider_form(new_secrets=json.dumps({"signing_keys": [NEW, OLD]}))
    assert "(signing_key: null forgets it)" in errors_of(client.post(page, both))["new_secrets"][0]
    rotated = json.dumps({"signing_key": None, "signing_keys": [NEW, OLD]})
    assert client.post(page, provider_form(new_secrets=rotated)).status_code == 302
    assert Provider.objects.get().secrets == {"headers": {"X-A": "b"}, "signing_keys": [NEW, OLD]}


def test_an_address_moves_into_the_secrets_and_back() -> None:
    client = staff()
    add_provider(client)
    page = url("provider", "change", Provider.objects.get().pk)
    hidden: dict[str, Any] = {"config": "", "new_secrets": json.dumps({"secret_url": SLACK})}
    assert client.post(page, provider_form(**hidden)).status_code == 302
    assert "url" not in Provider.objects.get().config
    refused = errors_of(client.post(page, provider_form(new_secrets="")))
    assert "(secret_url: null forgets it)" in refused["new_secrets"][0]
    assert client.post(page, provider_form(new_secrets='{"secret_url": null}')).status_code == 302
    assert "secret_url" not in (Provider.objects.get().secrets or {})


@pytest.mark.parametrize("page", ["changelist", "change", "history"])
def test_who_may_not_edit_sees_neither_secrets_nor_what_an_address_holds(page: str) -> None:
    provider_save(
        spec={"name": "slack", "type": "webhook", "url": f"{SLACK}?sig=s3cret", "method": "PUT"}
        | {"oauth": {"token_url": f"{SLACK}/t", "client_id": "c"}, "oauth_client_secret": "never shown"},
        actor="ann",
    )
    row = Provider.objects.get()
    shown = viewer().get(url("provider", page, *([] if page == "changelist" else [row.pk])))
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "T0TEAM" not in text
    assert "s3cret" not in text
    if page == "change":
        assert "https://hooks.slack.com/…" in text
        assert "PUT" in text
        assert "T0TEAM" in staff().get(url("provider", page, row.pk)).content.decode()


def test_a_provider_is_added_with_encrypted_secrets() -> None:
    assert add_provider(staff()).status_code == 302
    row = Provider.objects.get(name="stripe")
    assert row.config == {"url": "https://api.stripe.com/v1/charges"}
    assert row.secrets == {"headers": {"Authorization": SECRET}}
    assert row.edited_by == "ann"
    config_versions.expire()
    assert "stripe" in providers()


def test_a_secret_is_never_shown_again_not_even_beside_an_error() -> None:
    client = staff()
    add_provider(client)
    page = client.get(url("provider", "change", Provider.objects.get().pk))
    assert "sk_live_abcdef" not in page.content.decode()
    assert "headers.Authorization" in page.content.decode()
    refused = add_provider(client, name="other", config="url: nonsense")
    assert errors_of(refused)["config"] == ["url: must begin with https:// (or http://) and name a host"]
    assert "sk_live_abcdef" not in refused.content.decode()
    history = client.get(url("provider", "history", Provider.objects.get().pk))
    assert "sk_live_abcdef" not in history.content.decode()


def test_empty_secrets_are_kept_and_an_empty_object_forgets_them() -> None:
    client = staff()
    add_provider(client)
    row = Provider.objects.get()
    page = url("provider", "change", row.pk)
    assert client.post(page, provider_form(new_secrets="", timeout_seconds="3")).status_code == 302
    row.refresh_from_db()
    assert (row.secrets, row.timeout_seconds) == ({"headers": {"Authorization": SECRET}}, 3)
    client.post(page, provider_form(new_secrets="{}"))
    row.refresh_from_db()
    assert row.secrets == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a:b"}, "name"),
        ({"name": "payment-gateway"}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"config": ""}, "config"),
        ({"config": "{broken"}, "config"),
        ({"config": '{"url": "https://x.example", "timeout_seconds": 1}'}, "config"),
        ({"config": '{"url": "https://x.example", "headers": {}}'}, "config"),
        ({"new_secrets": '{"url": "https://x.example"}'}, "new_secrets"),
        ({"new_secrets": '{"headers": {"X": "a\\nb"}}'}, "new_secrets"),
        ({"timeout_seconds": "0"}, "timeout_seconds"),
        ({"timeout_seconds": "soon"}, "timeout_seconds"),
    ],
)
def test_a_wrong_provider_is_told_on_its_field_and_not_saved(changes: dict[str, str], field: str) -> None:
    open_shop()
    assert field in errors_of(add_provider(staff(), **changes))
    assert not Provider.objects.filter(kind="webhook").exists()


def test_a_provider_in_use_is_not_deleted_and_the_page_says_why() -> None:
    open_shop()
    client = staff()
    row = Provider.objects.get(name="warehouse")
    answer = client.post(url("provider", "delete", row.pk), {"post": "yes"}, follow=True)
    assert "chain order-processing" in answer.content.decode()
    assert Provider.objects.filter(pk=row.pk).exists()
    client.post(url("provider", "add"), provider_form())
    free = Provider.objects.get(name="stripe")
    assert client.post(url("provider", "delete", free.pk), {"post": "yes"}).status_code == 302
    assert not Provider.objects.filter(pk=free.pk).exists()
