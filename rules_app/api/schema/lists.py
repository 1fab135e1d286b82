"""The description of named lists."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
    TIME,
    UUID,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    one_of,
    operation,
    page,
    query,
)
from rules_app.api import views_lists

LIST_NAME: dict[str, Any] = NAME | {"maxLength": 200}
SCOPE_OR_ALL: dict[str, Any] = SCOPE_NAME
MATCHING = enum("exact", "folded")
LIST = component(
    "NamedList",
    answer(
        {
            "id": UUID,
            "name": TEXT,
            "namespace": TEXT,
            "tenant": TEXT,
            "matching": MATCHING,
            "description": TEXT,
            "entries": INTEGER,
            "source": TEXT,
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
)
ENTRY = component(
    "ListEntry",
    answer(
        {
            "id": INTEGER,
            "value": TEXT,
            "note": TEXT,
            "added_by": TEXT,
            "added_at": TIME,
            "expires_at": maybe(TIME),
        }
    ),
)
CHANGED = component("ListChange", answer({"added": INTEGER, "double": INTEGER, "removed": INTEGER}))
PREVIEW = component(
    "ListPreview",
    answer(
        {
            "new": INTEGER,
            "double": INTEGER,
            "bad": INTEGER,
            "lines": array(answer({"line": INTEGER, "message": TEXT})),
        }
    ),
)
VALUE: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 500}
SENT_ENTRY = {
    "anyOf": [
        VALUE,
        answer({"value": VALUE}, {"note": {"type": "string", "maxLength": 500}, "expires_at": TIME}),
    ]
}
SHOWN: dict[str, Any] = {
    "id": "01a20300-0000-7000-8000-000000000009",
    "name": "sanctioned-countries",
    "namespace": "*",
    "tenant": "*",
    "matching": "exact",
    "description": "Where nothing is sent",
    "entries": 3,
    "source": "",
    "created_at": "2026-03-10T15:00:00.000Z",
    "updated_at": "2026-03-10T15:00:00.000Z",
}
SHOWN_ENTRY = {
    "id": 17,
    "value": "NK",
    "note": "UN resolution 1718",
    "added_by": "maria",
    "added_at": "2026-03-10T15:00:00.000Z",
    "expires_at": None,
}
extend_schema_view(
    get=operation(
        "Named lists",
        page("lists", LIST),
        parameters=(*OPTIONAL_SCOPE, *PAGE, query("name", TEXT, "Exactly")),
        examples={"one": {"lists": [SHOWN], "count": 1}},
    ),
    post=operation(
        "Make an empty list",
        LIST,
        status=201,
        sends=answer(
            {"name": LIST_NAME},
            {"namespace": SCOPE_OR_ALL, "tenant": enum("*"), "matching": MATCHING, "description": TEXT},
        ),
        sends_examples={"shared": {"name": "sanctioned-countries", "description": "Where nothing is sent"}},
        examples={"made": SHOWN},
        errors=(409,),
    ),
)(views_lists.ListList)
extend_schema_view(
    get=operation("One list", LIST, errors=(404,), examples={"it": SHOWN}),
    put=operation(
        "Describe a list",
        LIST,
        sends=answer({"description": TEXT}),
        sends_examples={"described": {"description": "Where nothing is sent"}},
        errors=(404,),
        examples={"described": SHOWN},
    ),
    delete=operation("Delete a list that no rule needs", None, status=204, errors=(404, 409)),
)(views_lists.ListDetail)
extend_schema_view(
    get=operation(
        "What is on a list, the newest first",
        page("entries", ENTRY),
        parameters=(
            *PAGE,
            query("before", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "The last id seen"),
        ),
        errors=(404,),
        examples={"one": {"entries": [SHOWN_ENTRY], "count": 1}},
    ),
    post=operation(
        "Put values on a list",
        CHANGED,
        sends=body({"entries": array(SENT_ENTRY, minItems=1)}),
        sends_examples={"two": {"entries": ["NK", {"value": "SY", "note": "until the review"}]}},
        errors=(404,),
        examples={"two": {"added": 2, "double": 0, "removed": 0}},
    ),
)(views_lists.ListEntries)
extend_schema_view(
    post=operation(
        "Take values off a list",
        answer({"removed": INTEGER}),
        sends=body({"values": array(TEXT, minItems=1)}),
        sends_examples={"one": {"values": ["SY"]}},
        errors=(404,),
        examples={"one": {"removed": 1}},
    )
)(views_lists.ListEntriesRemove)
extend_schema_view(
    post=operation(
        "Import a text into a list",
        one_of(CHANGED, PREVIEW),
        sends=body({"text": {"type": "string", "minLength": 1}}, {"replace": BOOLEAN, "dry_run": BOOLEAN}),
        sends_examples={"CSV": {"text": "value,note\nNK,UN resolution 1718\n", "dry_run": True}},
        errors=(404, 409),
        examples={"preview": {"new": 1, "double": 0, "bad": 0, "lines": []}},
        text="CSV whose first line names the column value (and note, expires_at), else one value on each line.",
    )
)(views_lists.ListImport)
