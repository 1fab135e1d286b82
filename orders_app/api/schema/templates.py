"""The description of replay and templates."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    Schema,
    answer,
    array,
    body,
    component,
    maybe,
    operation,
    page,
)
from acteon_site.http.openapi_examples import BODY_SCOPE, ID, NOW, SHOWN_SCOPE
from audit_app.api.schema.audit import FILTERS
from orders_app.api import views_replay, views_templates
from orders_app.api.schema.outcomes import OUTCOME, SHOWN_OUTCOMES

REPLAYED = component(
    "Replayed",
    answer(
        {
            "original_action_id": TEXT,
            "new_action_id": TEXT,
            "success": BOOLEAN,
            "error": maybe(TEXT),
            "outcome": maybe(OUTCOME),
        }
    ),
)
SHOWN_REPLAYED = {
    "original_action_id": "order-1",
    "new_action_id": ID,
    "success": True,
    "error": None,
    "outcome": SHOWN_OUTCOMES["Executed"],
}
extend_schema_view(
    post=operation(
        "Dispatch a stored original again",
        REPLAYED,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, BODY_SCOPE),
        sends_examples={"all it needs": {}},
        errors=(404,),
        examples={"replayed": SHOWN_REPLAYED},
    )
)(views_replay.Replay)
extend_schema_view(
    post=operation(
        "Replay what the filters find",
        answer({"replayed": INTEGER, "failed": INTEGER, "skipped": INTEGER, "results": array(REPLAYED)}),
        parameters=(*OPTIONAL_SCOPE, *FILTERS[2:], PAGE[0]),
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"one": {"replayed": 1, "failed": 0, "skipped": 0, "results": [SHOWN_REPLAYED]}},
    )
)(views_replay.ReplayMany)

NAMED = {
    "id": UUID,
    "name": TEXT,
    "namespace": TEXT,
    "tenant": TEXT,
    "description": TEXT,
    "labels": TEXTS,
    "created_at": TIME,
    "updated_at": TIME,
}
TEMPLATE = component("Template", answer({**NAMED, "content": TEXT}))
PROFILE = component("TemplateProfile", answer({**NAMED, "fields": OBJECT}))
SHOWN_NAMED = {
    "id": ID,
    "name": "greeting",
    **SHOWN_SCOPE,
    "description": "",
    "labels": {},
    "created_at": NOW,
    "updated_at": NOW,
}
SHOWN_TEMPLATE = {**SHOWN_NAMED, "content": "Hello {{ name }}"}
SHOWN_PROFILE = {**SHOWN_NAMED, "name": "welcome", "fields": {"body": {"$ref": "greeting"}}}
TEMPLATE_NAME = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NAME["pattern"]}
SENT: dict[str, Schema] = {"description": maybe(TEXT), "labels": maybe(TEXTS)}
FIELD = {"anyOf": [TEXT, answer({"inline": TEXT}), answer({"$ref": TEXT})]}
FIELDS = {"type": "object", "additionalProperties": FIELD, "minProperties": 1}
KINDS: tuple[Any, ...] = (
    (
        views_templates.Templates,
        views_templates.TemplateDetail,
        ("template", "templates", TEMPLATE, SHOWN_TEMPLATE),
        {"content": TEXT},
        {"body": TEXT},
    ),
    (
        views_templates.Profiles,
        views_templates.ProfileDetail,
        ("profile", "profiles", PROFILE, SHOWN_PROFILE),
        {"fields": FIELDS},
        {},
    ),
)
for list_view, detail_view, (one, many, shape, example), own, alias in KINDS:
    sent = {**SHOWN_SCOPE, "name": example["name"], **{name: example[name] for name in own}}
    extend_schema_view(
        get=operation(
            f"Template {many}" if one == "profile" else "Templates",
            page(many, shape),
            parameters=(*OPTIONAL_SCOPE, *PAGE),
            examples={"one": {many: [example], "count": 1}},
        ),
        post=operation(
            f"Make a {one}",
            shape,
            status=201,
            sends=body({**BODY_SCOPE, "name": TEMPLATE_NAME}, {**own, **alias, **SENT}),
            sends_examples={one: sent},
            errors=(409,),
            examples={"made": example},
        ),
    )(list_view)
    extend_schema_view(
        get=operation(f"One {one}", shape, errors=(404,), examples={"it": example}),
        put=operation(
            f"Change a {one}",
            shape,
            sends=body({}, {"name": TEMPLATE_NAME, **own, **alias, **SENT}),
            sends_examples={one: {name: example[name] for name in own}},
            errors=(404, 409),
            examples={"changed": example},
        ),
        delete=operation(f"Remove a {one}", None, status=204, errors=(404, 409)),
    )(detail_view)
extend_schema_view(
    post=operation(
        "Render a profile, a template by its name, or a text; stores nothing",
        answer({"rendered": {"anyOf": [TEXT, TEXTS]}}),
        sends={
            "anyOf": [
                body({"profile": NAME, **BODY_SCOPE}, {"payload": maybe(OBJECT)}),
                body({"template": TEXT}, {"data": maybe(OBJECT), "payload": maybe(OBJECT), **BODY_SCOPE}),
            ]
        },
        text="`template` is the name of a template that the key may see; what is no such name is rendered itself.",
        sends_examples={
            "a profile": {"profile": "welcome", **SHOWN_SCOPE, "payload": {"name": "Ada"}},
            "a template": {"template": "greeting", **SHOWN_SCOPE, "data": {"name": "Ada"}},
            "a text": {"template": "Hello {{ name }}", "data": {"name": "Ada"}},
        },
        errors=(404,),
        examples={"a profile": {"rendered": {"body": "Hello Ada"}}, "a text": {"rendered": "Hello Ada"}},
    )
)(views_templates.Render)
