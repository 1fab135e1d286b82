"""Writes the evidence of a range into a ZIP, as a stream: memory stays the same however long the range is."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from acteon_site.base.errors import invalid
from acteon_site.base.source import Source
from audit_app.evidence.parts import EVIDENCE, Span
from audit_app.models import AuditHead, AuditRecord
from audit_app.records.sealing import SEALED_FIELDS, SEALED_OF_PEOPLE, record_hash, sealed_value
from audit_app.records.vocabulary import DECISIONS
from audit_app.services.journal import Journal, Subject
from audit_app.services.verify import Segment, records_in_order, segment_of

ASSETS = Path(__file__).resolve().parent.parent / "evidence"
WHO_DECIDED = (
    "id",
    "action_id",
    "outcome",
    "matched_rule",
    "caller_id",
    "auth_method",
    "completed_at",
    "outcome_details",
)
Progress = Callable[[int], None]


@dataclass(slots=True)
class Evidence:
    """What was written: how many records, and the digest by which the whole is known."""

    records: int = 0
    manifest_sha256: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)


def evidence_export(
    *, span: Span, out: IO[bytes], source: Source, progress: Progress = lambda _: None
) -> Evidence:
    """Write the ZIP to `out`, and note in the trail who exported what. Raises 422 where the range is none.

    Records that are not sealed yet are not in it.
    """
    if span.since >= span.until:
        raise invalid("the range must begin before it ends")
    head = AuditHead.objects.filter(namespace=span.namespace, tenant=span.tenant).first()
    segment = segment_of(head, since=span.since, until=span.until) if head else None
    done = Evidence()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        chain = _write_records(archive, span, segment, done, progress)
        for part in EVIDENCE.values():
            _write_lines(archive, f"{part.name}.jsonl", part.lines(span), done)
        _write_text(archive, "verify.py", (ASSETS / "verify.py").read_text(), done)
        _write_text(archive, "README.txt", _readme(span, source, head), done)
        _write_manifest(archive, span, source, chain, done)
    _note(span, source, done)
    return done


def evidence_size(span: Span) -> int:
    """How many records an export of the range would hold."""
    head = AuditHead.objects.filter(namespace=span.namespace, tenant=span.tenant).first()
    segment = segment_of(head, since=span.since, until=span.until) if head else None
    return max(0, segment.last - segment.first + 1) if segment else 0


def _write_records(
    archive: zipfile.ZipFile, span: Span, segment: Segment | None, done: Evidence, progress: Progress
) -> dict[str, Any]:
    """The chain's begin and end, for the manifest."""
    chain: dict[str, Any] = {"records": 0, "first": 0, "last": 0, "previous_hash": "", "last_hash": ""}

    def lines() -> Iterator[Mapping[str, Any]]:
        for record in _records(span, segment):
            if not chain["records"]:
                chain.update(first=record["sequence_number"], previous_hash=record["previous_hash"])
            chain["records"] += 1
            chain.update(last=record["sequence_number"], last_hash=record["record_hash"])
            if chain["records"] % 1000 == 0:
                progress(chain["records"])
            yield record

    _write_lines(archive, "records.jsonl", lines(), done)
    decisions = _records(span, segment, outcome__in=sorted(DECISIONS))
    decided = (_who_decided(record) for record in decisions)
    _write_lines(archive, "decisions.jsonl", decided, done)
    done.records = chain["records"]
    return chain


def _records(span: Span, segment: Segment | None, **wanted: Any) -> Iterator[dict[str, Any]]:
    """As the hash was made of them: times as text in UTC, ids as text."""
    if segment is None:
        return
    sealed = AuditRecord.objects.filter(
        namespace=span.namespace, tenant=span.tenant, sequence_number__isnull=False, **wanted
    )
    for record in records_in_order(sealed, segment):
        names = (*SEALED_FIELDS, *_sealed_of_people(record), "record_hash")
        yield {name: sealed_value(record[name]) for name in names}


def _who_decided(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in (*WHO_DECIDED, *SEALED_OF_PEOPLE) if name in record}


def _sealed_of_people(record: Mapping[str, Any]) -> list[str]:
    """Where a person's request came from, where the seal covers it: what it does not cover is no evidence."""
    said = [name for name in SEALED_OF_PEOPLE if record[name]]
    return said if said and record_hash(record) == record["record_hash"] else []


def _write_lines(
    archive: zipfile.ZipFile, name: str, lines: Iterable[Mapping[str, Any]], done: Evidence
) -> None:
    digest, size = hashlib.sha256(), 0
    with archive.open(_entry(name), "w", force_zip64=True) as stream:
        for line in lines:
            content = json.dumps(line, default=str).encode() + b"\n"
            stream.write(content)
            digest.update(content)
            size += len(content)
    done.files[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _write_text(archive: zipfile.ZipFile, name: str, text: str, done: Evidence) -> None:
    content = text.encode()
    archive.writestr(_entry(name), content)
    done.files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _entry(name: str) -> zipfile.ZipInfo:
    """Readable by whoever unpacks it; the same export twice is the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry


def _write_manifest(
    archive: zipfile.ZipFile, span: Span, source: Source, chain: Mapping[str, Any], done: Evidence
) -> None:
    manifest = {
        "format": "acteon-evidence-1",
        "namespace": span.namespace,
        "tenant": span.tenant,
        "from": sealed_value(span.since),
        "to": sealed_value(span.until),
        "made_at": sealed_value(timezone.now()),
        "made_by": source.caller_id,
        "version": settings.VERSION,
        "chain": chain,
        # What a record's hash is made of; of the second list what a record has.
        "sealed_fields": SEALED_FIELDS,
        "sealed_where_filled": SEALED_OF_PEOPLE,
        "files": done.files,
    }
    content = json.dumps(manifest, indent=2).encode() + b"\n"
    archive.writestr(_entry("manifest.json"), content)
    done.manifest_sha256 = hashlib.sha256(content).hexdigest()


def _readme(span: Span, source: Source, head: AuditHead | None) -> str:
    parts = "\n".join(f"{f'{part.name}.jsonl':<17}{part.text}" for part in EVIDENCE.values())
    return (
        (ASSETS / "README.txt")
        .read_text()
        .format(
            namespace=span.namespace,
            tenant=span.tenant,
            since=_shown(span.since),
            until=_shown(span.until),
            made_at=_shown(timezone.now()),
            made_by=source.caller_id,
            version=settings.VERSION,
            parts=parts,
            reaped=head.reaped_sequence if head else 0,
        )
    )


def _shown(moment: datetime) -> str:
    return str(sealed_value(moment))


@transaction.atomic
def _note(span: Span, source: Source, done: Evidence) -> None:
    journal = Journal(source)
    details = {
        "evidence_export": {"from": _shown(span.since), "to": _shown(span.until), "records": done.records},
        "manifest_sha256": done.manifest_sha256,
    }
    subject = Subject(span.namespace, span.tenant, "", "evidence_export", "evidence_export")
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    journal.write()
