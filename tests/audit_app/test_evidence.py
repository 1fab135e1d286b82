"""The evidence of a range can be checked without the gateway, and whoever changes a byte of it is found."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from acteon_site.base.source import Source
from audit_app.models import AuditRecord
from audit_app.services import verify
from audit_app.services.journal import Journal
from audit_app.services.relay import relay
from rules_app.models import Rule
from tests.audit_app.conftest import CALLER, SHOP, note
from tests.chains_app.test_metrics import follow
from tests.world import OPEN_HOURS, SCOPE, Shop, order, publish_rules

pytestmark = pytest.mark.django_db
TODAY = {"namespace": "ecommerce", "tenant": "acme-store", "since": "2020-01-01", "until": "2099-01-01"}


def export(target: Path, **changes: Any) -> str:
    asked = {**TODAY, **changes}
    words = [f"--{name}={asked[key]}" for name, key in (("from", "since"), ("to", "until"))]
    out = StringIO()
    scope = [f"--namespace={asked['namespace']}", f"--tenant={asked['tenant']}"]
    call_command("export_evidence", *scope, *words, f"--out={target}", stdout=out)
    return out.getvalue()


def checked(folder: Path) -> tuple[int, str]:
    """As an auditor does: with Python alone, in isolated mode, and none of our packages."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    ran = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def evidence(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An order that was approved, one that was refused, a rule of another shop; read three records at a time."""
    monkeypatch.setattr(verify, "BATCH", 3)
    other = {"namespace": "ecommerce", "tenant": "elsewhere"}
    Rule.objects.create(
        name="theirs", **other, condition={"field": "action.id", "eq": "x"}, action={"type": "deny"}
    )
    publish_rules()
    shop.place(payload={"shipping_country": "SY", "note": "Zoë \U0001f600"}, metadata={"é": "\u2028"})
    held = shop.dispatch(order(payload={"total_cents": 60_000})).json()["PendingApproval"]
    follow(held["approve_url"])
    shop.dispatch({**order(), **other}, now=OPEN_HOURS)
    relay()
    export(tmp_path / "out")
    return tmp_path / "out"


def test_an_auditor_checks_it_with_python_alone(evidence: Path) -> None:
    code, said = checked(evidence)
    assert code == 0, said
    records = lines(evidence, "records")
    assert f"whole: {len(records)} records of ecommerce/acme-store" in said
    assert {record["tenant"] for record in records} == {"acme-store"}
    assert [record["sequence_number"] for record in records] == list(range(1, len(records) + 1))
    assert "README.txt" in {path.name for path in evidence.iterdir()}


def test_it_names_who_decided_and_by_which_rules_and_chains(evidence: Path) -> None:
    (decision,) = lines(evidence, "decisions")
    assert (decision["outcome"], decision["caller_id"]) == ("approval_approved", "approval link")
    *_, newest = lines(evidence, "rules")
    names = {rule["name"] for rule in newest["rules"]}
    assert "deny-sanctioned-regions" in names
    assert "theirs" not in names
    assert newest["rules_of_others"] == 1
    versions = {record["ruleset_version"] for record in lines(evidence, "records")} - {None}
    assert versions <= {version["ruleset_version"] for version in lines(evidence, "rules")}
    assert "order-processing" in {version["chain"] for version in lines(evidence, "chains")}
    assert "elsewhere" not in "".join(path.read_text() for path in evidence.iterdir())


def test_what_the_trail_redacts_is_in_no_file(evidence: Path) -> None:
    whole = "".join(path.read_text() for path in evidence.iterdir())
    assert "4111111111111111" not in whole
    assert "94107" not in whole


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_one_changed_byte_is_found_and_its_place_named(evidence: Path, place: float) -> None:
    path = evidence / "records.jsonl"
    content = bytearray(path.read_bytes())
    at = int(len(content) * place)
    content[at] = ord("7") if content[at] != ord("7") else ord("8")
    path.write_bytes(bytes(content))
    code, said = checked(evidence)
    line = bytes(content[:at]).count(b"\n") + 1
    assert code == 1
    assert f"records.jsonl line {line}" in said
    assert "records.jsonl was changed" in said


def test_who_mends_the_digests_after_a_change_is_found_by_the_chain(evidence: Path) -> None:
    path = evidence / "records.jsonl"
    kept = path.read_text().splitlines()
    victim = json.loads(kept[1])
    changed = {**victim, "caller_id": "nobody"}
    for name, text in (
        ("its content is not what its hash was made of", [kept[0], json.dumps(changed), *kept[2:]]),
        ("records are missing", [kept[0], *kept[2:]]),
        ("ends at number", kept[:-1]),
    ):
        path.write_text("\n".join(text) + "\n")
        manifest = json.loads((evidence / "manifest.json").read_text())
        content = path.read_bytes()
        manifest["files"]["records.jsonl"] = {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        (evidence / "manifest.json").write_text(json.dumps(manifest))
        code, said = checked(evidence)
        assert (code, name in said) == (1, True), said


def test_a_part_of_the_range_hangs_on_the_record_before_it(
    evidence: Path, tmp_path: Path, shop: Shop
) -> None:
    day = timezone.now() + timedelta(days=1)
    AuditRecord.objects.filter(sequence_number=None).delete()
    shop.place(payload={"shipping_country": "SY"})
    newest = AuditRecord.objects.filter(sequence_number=None).get(outcome="suppressed")
    AuditRecord.objects.filter(pk=newest.pk).update(dispatched_at=day)
    relay()
    export(tmp_path / "later.zip", since=day.date().isoformat())
    with zipfile.ZipFile(tmp_path / "later.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "later")
    (record,) = lines(tmp_path / "later", "records")
    assert (
        record["previous_hash"]
        == AuditRecord.objects.get(**SCOPE, sequence_number=record["sequence_number"] - 1).record_hash
    )
    assert checked(tmp_path / "later")[0] == 0


def test_where_a_person_asked_from_is_evidence_as_far_as_the_seal_covers_it(tmp_path: Path) -> None:
    person = Source("ada", "admin", "r-1", "192.0.2.7", "Firefox")
    with transaction.atomic():
        journal = Journal(person)
        journal.audit(SHOP, outcome="approval_approved", verdict="request_approval")
        journal.write()
    note(SHOP)
    relay()
    # As a relay of the version before has sealed it, or somebody has written it in since.
    AuditRecord.objects.filter(caller_id=CALLER.caller_id).update(caller_address="198.51.100.9")
    export(tmp_path / "out")
    records, (decision,) = lines(tmp_path / "out", "records"), lines(tmp_path / "out", "decisions")
    assert {record["caller_id"]: record.get("caller_address") for record in records} == {
        "ada": "192.0.2.7",
        CALLER.caller_id: None,
    }
    assert (decision["caller_address"], decision["caller_agent"]) == ("192.0.2.7", "Firefox")
    assert checked(tmp_path / "out")[0] == 0
    path = tmp_path / "out" / "records.jsonl"
    path.write_text(path.read_text().replace("192.0.2.7", "192.0.2.8").replace('"verdict"', '"verdikt"', 1))
    code, said = checked(tmp_path / "out")
    assert (code, "has or lacks verdict, verdikt" in said) == (1, True), said


def test_the_export_itself_stands_in_the_trail_with_its_digest(evidence: Path) -> None:
    digest = hashlib.sha256((evidence / "manifest.json").read_bytes()).hexdigest()
    noted = AuditRecord.objects.get(action_type="evidence_export")
    assert noted.outcome_details["manifest_sha256"] == digest
    assert noted.outcome_details["evidence_export"]["records"] == len(lines(evidence, "records"))
    assert noted.caller_id.endswith("(export_evidence)")
    assert digest in checked(evidence)[1]


def test_a_range_without_records_is_evidence_of_that(shop: Shop, tmp_path: Path) -> None:
    assert "0 records" in export(tmp_path / "none", tenant="nobody")
    assert checked(tmp_path / "none")[0] == 0


def test_a_wrong_range_and_a_file_that_is_there_are_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("kept")
    with pytest.raises(CommandError, match="exists already"):
        export(tmp_path / "there.zip")
    assert (tmp_path / "there.zip").read_text() == "kept"
    with pytest.raises(CommandError, match="must begin before it ends"):
        export(tmp_path / "x.zip", since="2030-01-01", until="2029-01-01")
    with pytest.raises(CommandError, match="is no time: a day like"):
        export(tmp_path / "x.zip", since="yesterday")
    assert re.findall("x.zip", " ".join(path.name for path in tmp_path.iterdir())) == []
