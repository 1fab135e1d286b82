#!/usr/bin/env python3
"""Checks this evidence without the system that made it: `python3 verify.py`, in the folder of the export.

1. Each file has the size and the SHA-256 that manifest.json says.
2. Each record in records.jsonl has the hash that follows from its content: SHA-256 over its canonical JSON
   (keys sorted, no spaces, UTF-8) without `record_hash`. Its fields are those that manifest.json lists; where a
   person's request came from stands there, and is in the hash, only where it was known.
3. The records are a chain: each number is one more than the last, and each `previous_hash` is the hash before.

It needs Python 3.8 or newer and nothing else. Exit code 0: all fits. 1: something does not, and it says what and where.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
FOLDER = HERE if HERE.is_dir() else HERE.parent


def file_problems(manifest: dict[str, Any]) -> Iterator[str]:
    for name, told in manifest["files"].items():
        path = FOLDER / name
        if not path.is_file():
            yield f"{name} is missing"
            continue
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
        if path.stat().st_size != told["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes, the manifest says {told['bytes']}"
        elif digest.hexdigest() != told["sha256"]:
            yield f"{name} was changed: its SHA-256 is {digest.hexdigest()}, the manifest says {told['sha256']}"


def record_hash(record: dict[str, Any]) -> str:
    content = {name: value for name, value in record.items() if name != "record_hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fields_problem(record: dict[str, Any], manifest: dict[str, Any]) -> str:
    """What a record has, or lacks, against the manifest; empty where it fits."""
    names, must = set(record) - {"record_hash"}, set(manifest["sealed_fields"])
    wrong = (must - names) | (names - must - set(manifest["sealed_where_filled"]))
    return f"has or lacks {', '.join(sorted(wrong))}" if wrong else ""


def chain_problems(manifest: dict[str, Any]) -> Iterator[str]:
    chain = manifest["chain"]
    number, before = chain["first"] - 1, chain["previous_hash"]
    with (FOLDER / "records.jsonl").open(encoding="utf-8", errors="replace") as lines:
        for place, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                where = f"records.jsonl line {place}, record {record['id']}"
                if record["sequence_number"] != number + 1:
                    yield f"{where}: number {record['sequence_number']} comes after {number}: records are missing"
                if record["previous_hash"] != before:
                    yield f"{where}: it does not follow on the record before"
                if strange := fields_problem(record, manifest):
                    yield f"{where}: {strange}"
                if record["record_hash"] != record_hash(record):
                    yield f"{where}: its content is not what its hash was made of"
            except (ValueError, KeyError, TypeError):
                yield f"records.jsonl line {place}: cannot be read"
                return
            number, before = record["sequence_number"], record["record_hash"]
    if number != chain["last"] or before != chain["last_hash"]:
        yield f"records.jsonl ends at number {number}, the manifest says {chain['last']}"


def main() -> int:
    text = (FOLDER / "manifest.json").read_bytes()
    manifest = json.loads(text)
    problems = list(file_problems(manifest))
    if manifest["chain"]["records"]:
        problems += chain_problems(manifest)
    for problem in problems[:20]:
        print(f"BROKEN: {problem}")
    print(f"SHA-256 of manifest.json: {hashlib.sha256(text).hexdigest()}")
    if problems:
        print(f"{len(problems)} problems")
        return 1
    print(f"whole: {manifest['chain']['records']} records of {manifest['namespace']}/{manifest['tenant']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
