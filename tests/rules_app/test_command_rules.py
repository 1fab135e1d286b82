"""`manage.py rules`: the way of a change from a shell."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from rules_app.drafts import draft_view
from rules_app.models import RuleDraft, RuleSetVersion
from tests.rules_app.conftest import rules_now
from tests.rules_app.drafting import HIGH, add, begun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("providers")]
SALE = """
rules:
  - name: allow-vouchers
    priority: 0
    condition: {field: action.action_type, eq: "voucher"}
    action: {type: allow}
"""


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("rules", *words, stdout=out)
    return out.getvalue()


def test_a_draft_is_begun_from_a_file_published_and_gone_back_on(guide: int, tmp_path: Path) -> None:
    (tmp_path / "sale.yaml").write_text(SALE)
    said = run("draft", "--name", "spring", "--put", str(tmp_path / "sale.yaml"), "--remove", HIGH)
    draft = RuleDraft.objects.get()
    assert "rule: When action type is voucher: allow" in said
    assert f"{HIGH} removed" in said
    assert "spring" in run("drafts")
    run("publish", str(draft.pk), "--reason", "the sale begins")
    assert rules_now().rules[0].name == "allow-vouchers"
    assert "the sale begins" in run("versions")
    assert "allow-vouchers added" in run("diff", str(guide), str(guide + 1))
    assert "is in force again" in run("restore", str(guide), "--reason", "too early")
    assert len(rules_now().rules) == 6
    assert RuleSetVersion.objects.count() == 3


def test_a_draft_is_shown_changed_and_discarded(guide: int) -> None:
    draft = begun()
    add(draft)
    assert "allow-vouchers added" in run("draft", str(draft.pk))
    run("draft", str(draft.pk), "--remove", "allow-vouchers")
    assert draft_view(draft).changes == ()
    assert "discarded" in run("discard", str(draft.pk))
    assert "spring" not in run("drafts")
    assert "spring" in run("drafts", "--all")


def test_what_is_refused_is_told_and_nothing_happens(guide: int, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(SALE.replace("eq:", "eqq:"))
    for words in (
        ("draft",),
        ("draft", "--name", "x", "--put", str(bad)),
        ("draft", "--name", "x", "--put", str(tmp_path / "none.yaml")),
        ("publish", "99", "--reason", "x"),
        ("restore", str(guide), "--reason", "x"),
        ("diff", "1", "99"),
    ):
        with pytest.raises(CommandError):
            run(*words)
    assert not RuleDraft.objects.exists()
    with pytest.raises(CommandError):
        run("publish", "1")
