"""Quotas: what clients may write, and that every form means the same thing."""

from __future__ import annotations

from typing import Any

import pytest

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from rules_app.engine.quota_terms import overage_text, parse_quota, window_text
from rules_app.models import Quota
from rules_app.services.quota_windows import quotas_counting
from rules_app.services.quotas import quota_create, quota_delete, quota_spec, quota_update

SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}
HOURLY = SCOPE | {"max_actions": 200, "window": "hourly"}


def shown(**spec: Any) -> tuple[str, str]:
    terms, problems = parse_quota(HOURLY | spec)
    assert terms is not None, problems
    return window_text(terms.window, terms.window_seconds), overage_text(terms.overage, terms.overage_target)


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ("hourly", "hourly"),
        ("monthly", "monthly"),
        (90, "90"),
        ("90", "90"),
        ({"custom": {"seconds": 90}}, "90"),
        (3600, "3600"),
    ],
)
def test_every_form_of_a_window_is_understood(window: Any, text: str) -> None:
    assert shown(window=window)[0] == text


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("block", "block"),
        ("warn", "warn"),
        ({"degrade": {"fallback_provider": "email"}}, "degrade:email"),
        ("degrade:email", "degrade:email"),
        ({"notify": {"target": "ops"}}, "notify:ops"),
        ("notify:ops", "notify:ops"),
    ],
)
def test_every_form_of_overage_behaviour_is_understood(behaviour: Any, text: str) -> None:
    assert shown(overage_behavior=behaviour)[1] == text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"namespace": None}, "namespace"),
        ({"tenant": "a:b"}, "tenant"),
        ({"max_actions": None}, "max_actions"),
        ({"max_actions": 0}, "max_actions"),
        ({"max_actions": "200"}, "max_actions"),
        ({"max_actions": True}, "max_actions"),
        ({"max_actions": 10**30}, "max_actions"),
        ({"window": None}, "window"),
        ({"window": "hourl"}, "window"),
        ({"window": 0}, "window"),
        ({"window": True}, "window"),
        ({"window": {"custom": 5}}, "window"),
        ({"window": 10**12}, "window"),
        ({"window": "9" * 5000}, "window"),
        ({"overage_behavior": "explode"}, "overage_behavior"),
        ({"overage_behavior": "degrade"}, "overage_behavior"),
        ({"overage_behavior": "block:x"}, "overage_behavior"),
        ({"overage_behavior": {"degrade": {}}}, "overage_behavior"),
        ({"overage_behavior": {"degrade": {"fallback_provider": 5}}}, "overage_behavior"),
        ({"overage_behavior": 5}, "overage_behavior"),
        ({"per_principal": "yes"}, "per_principal"),
        ({"principal": "key:a", "per_principal": True}, "per_principal"),
        ({"enabled": None}, "enabled"),
        ({"labels": []}, "labels"),
        ({"description": 5}, "description"),
    ],
)
def test_a_mistake_is_named_with_its_field(change: dict[str, Any], field: str) -> None:
    terms, problems = parse_quota(HOURLY | change)
    assert terms is None
    assert [problem.field for problem in problems] == [field]


@pytest.mark.django_db
def test_a_quota_counts_from_the_moment_it_is_made_and_no_longer_once_it_is_gone() -> None:
    quota = quota_create(spec=HOURLY, actor="ann")
    assert [spec.id for spec in quotas_counting("ecommerce", "acme-store", "any", "key:a")] == [quota.pk]
    assert quotas_counting("ecommerce", "other", "any", "key:a") == ()
    quota_update(quota=quota, changes={"enabled": False}, actor="ann")
    config_versions.expire()
    assert quotas_counting("ecommerce", "acme-store", "any", "key:a") == ()
    quota_delete(quota=quota)
    assert not Quota.objects.exists()


@pytest.mark.django_db
def test_an_update_changes_only_what_it_names(providers: object) -> None:
    quota = quota_create(
        spec=HOURLY | {"description": "shop", "overage_behavior": "notify:warehouse"}, actor="ann"
    )
    quota_update(quota=quota, changes={"max_actions": 5}, actor="bob")
    quota.refresh_from_db()
    assert quota_spec(quota) == HOURLY | {
        "provider": None,
        "principal": None,
        "per_principal": False,
        "max_actions": 5,
        "overage_behavior": "notify:warehouse",
        "enabled": True,
        "description": "shop",
        "labels": {},
    }
    assert quota.edited_by == "bob"


@pytest.mark.django_db
def test_a_refused_update_leaves_the_quota_as_it_was() -> None:
    quota = quota_create(spec=HOURLY, actor="ann")
    with pytest.raises(AppError):
        quota_update(quota=quota, changes={"window": "never"}, actor="bob")
    assert Quota.objects.get().window == "hourly"


@pytest.mark.django_db
def test_a_second_quota_of_one_scope_is_a_conflict_and_another_providers_is_none(providers: object) -> None:
    quota_create(spec=HOURLY, actor="ann")
    with pytest.raises(AppError) as caught:
        quota_create(spec=HOURLY | {"window": "daily"}, actor="ann")
    assert caught.value.status == 409
    quota_create(spec=HOURLY | {"provider": "warehouse"}, actor="ann")
    assert Quota.objects.count() == 2
