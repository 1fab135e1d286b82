"""The registry of kinds: every entry has the same shape, and none is forgotten."""

from __future__ import annotations

import pytest
from django.apps import apps

from acteon_site.base.managed import ManagedConfig
from acteon_site.config_files.export import files
from acteon_site.config_files.kind import KINDS, Kind


def test_every_managed_model_has_its_kind() -> None:
    managed = {model for model in apps.get_models() if issubclass(model, ManagedConfig)}
    assert {kind.rows().model for kind in KINDS.values()} == managed


def test_every_kind_is_exported_to_one_file() -> None:
    assert sorted(section for sections in files().values() for section in sections) == sorted(KINDS)


def test_the_table_is_frozen() -> None:
    with pytest.raises(ValueError, match="comes too late"):
        KINDS.add(KINDS["rules"])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
class TestEveryKind:
    def test_stands_under_its_own_section(self, kind: Kind) -> None:
        assert KINDS[kind.section] is kind
        assert kind.title

    def test_names_columns_by_which_its_rows_are_found(self, kind: Kind) -> None:
        columns = {field.name for field in kind.rows().model._meta.get_fields()}
        assert set(kind.key) <= columns

    def test_refuses_keys_that_it_does_not_know(self, kind: Kind) -> None:
        spec = {"type": "log", "steps": [], "nonsense_key": 1}
        assert any(problem.field == "nonsense_key" for problem in kind.validate(spec))

    def test_never_raises_on_wrong_types(self, kind: Kind) -> None:
        for value in (None, True, 5, "text", [], {}, [{}], {"a": []}):
            spec = dict.fromkeys(
                (*kind.key, *kind.defaults, "condition", "action", "steps", "fields", "states"), value
            )
            kind.validate({**spec, "type": value, "window": value, "overage_behavior": value})
            kind.identity(spec)

    def test_can_be_disabled_if_rows_in_use_are_to_be_kept(self, kind: Kind) -> None:
        columns = {field.name for field in kind.rows().model._meta.get_fields()}
        overrides = type(kind).in_use is not Kind.in_use
        assert not (overrides and kind.disables) or "enabled" in columns
