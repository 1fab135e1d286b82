"""What every kind of configuration is to a load: how it is checked, named, compared, written and removed.

An app keeps its kinds in `<app>/config_kinds/`, one file each, and lists them in its `parts.py`, what others refer
to first. CONTRIBUTING.md has the recipe for a new one; tests/acteon_site/config_files/test_kinds.py walks the table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from acteon_site.base.digest import content_digest
from acteon_site.base.errors import FieldProblem
from acteon_site.base.registry import Registry
from acteon_site.config_files.documents import Document, Entry, Place
from acteon_site.config_files.problems import FileProblem
from acteon_site.config_files.toml_tables import Elsewhere, TomlTables

Spec = dict[str, Any]
Identity = tuple[str, ...]
# What will be in force after a load: section -> identity -> canonical spec.
World = Mapping[str, Mapping[Identity, Spec]]
# Where specs do not go together: the section and the identity at which to say it.
Misfit = tuple[str, Identity, FieldProblem]


@dataclass(frozen=True, slots=True)
class Reference:
    """A spec's `field` names a row of another section, which must exist."""

    field: str
    section: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a load writes into the rows it owns."""

    source: str
    actor: str


class Publisher(Protocol):
    """Puts what was written in force as one numbered version, for kinds whose rows do not count by themselves."""

    title: str

    def newest(self) -> int | None:
        """The number of the version in force, or None where there is none yet."""

    def publish(self, *, cause: str, actor: str) -> int:
        """Put the rows as they stand in force. Raises AppError where they do not go together."""


class Kind(ABC):
    """One section of the files and the model behind it. Specs are canonical: defaults are left out.

    `key` names the spec's identity, `defaults` what a spec need not say, `columns` how a spec becomes a row,
    `file` where an export writes it, `area` which caches a change of it outdates ("" for none, or where a
    publisher tells of it).
    """

    section: ClassVar[str]
    title: ClassVar[str]
    file: ClassVar[str]
    area: ClassVar[str] = ""
    publisher: ClassVar[Publisher | None] = None
    key: ClassVar[tuple[str, ...]] = ("name",)
    defaults: ClassVar[Mapping[str, Any]] = {"enabled": True}
    # Left out of the digest: a person's switch is no edit.
    undigested: ClassVar[tuple[str, ...]] = ()
    # Columns that files spell otherwise, for messages.
    spelled: ClassVar[Mapping[str, str]] = {}
    tells: ClassVar[bool] = False
    # A row in use that left the files is disabled; where that would do harm, the load is refused instead.
    disables: ClassVar[bool] = True
    # The TOML table that it owns, where that is not called like the section.
    toml_table: ClassVar[str] = ""
    toml_elsewhere: ClassVar[Elsewhere] = {}

    def lock(self) -> None:
        """Taken before rows are read, where every change of this kind takes a lock of its own first."""
        return

    @abstractmethod
    def rows(self) -> QuerySet[Any]:
        """Every row, with what to_spec needs of its neighbours."""

    @abstractmethod
    def validate(self, spec: Any) -> list[FieldProblem]:
        """Everything that is wrong with a spec by itself."""

    def resolve(self, spec: Spec, environment: Mapping[str, str]) -> tuple[Spec, list[FieldProblem]]:
        """The spec with what it takes from the environment filled in."""
        return spec, []

    def advise(self, spec: Spec) -> list[FieldProblem]:
        """Warnings about a valid spec."""
        return []

    @abstractmethod
    def to_spec(self, row: Any) -> Spec:
        """The canonical spec of a row."""

    def check(self, spec: Any) -> list[FieldProblem]:
        """validate, and what the database would refuse of a spec that is otherwise valid."""
        return self.validate(spec) or list(self._column_problems(self.canonical(spec)))

    def _column_problems(self, spec: Spec) -> Iterator[FieldProblem]:
        model = self.rows().model
        columns = self.columns(spec)
        try:
            model(**columns).clean_fields(
                exclude=[f.name for f in model._meta.fields if f.name not in columns]
            )
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                yield FieldProblem(self.spelled.get(name, name), " ".join(messages))

    def canonical(self, spec: Spec) -> Spec:
        """The shortest spelling of a valid spec; equal for equal meaning."""
        return {
            name: value
            for name, value in spec.items()
            if value is not None and (name in self.key or value != self.defaults.get(name))
        }

    def identity(self, spec: Mapping[str, Any]) -> Identity:
        """What tells it from others of its kind. Also of an invalid spec, as far as it goes."""
        return tuple(str(spec.get(name, self.defaults.get(name, "")) or "") for name in self.key)

    def label(self, identity: Identity) -> str:
        return "/".join(part for part in identity if part)

    def compared(self, spec: Spec) -> Spec:
        """What comparing and digesting may see: no secret in the clear."""
        return spec

    def digest(self, spec: Spec) -> str:
        seen = plain_numbers(self.compared(spec))
        return content_digest({name: value for name, value in seen.items() if name not in self.undigested})

    def columns(self, spec: Spec) -> dict[str, Any]:
        """The model's fields as the spec has them, defaults filled in."""
        return {**self.defaults, **spec}

    def kept(self, row: Any) -> tuple[str, ...]:
        """Fields in which the row wins over the file, because a person set them."""
        return ()

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        """Create (row None) or change a row: the spec's columns and the ownership, nothing else."""
        columns = self.columns(spec) | self.owned(spec, ownership)
        if row is None:
            return self.rows().model.objects.create(**columns)
        kept = self.kept(row)
        return put(row, {name: value for name, value in columns.items() if name not in kept})

    def owned(self, spec: Spec, ownership: Ownership) -> dict[str, Any]:
        return {
            "source": ownership.source,
            "loaded_digest": self.digest(spec),
            "edited_by": "",
            "edited_at": None,
        }

    def in_use(self, row: Any) -> str | None:
        """Why the row must not be deleted, or None."""
        return None

    def remove(self, row: Any) -> None:
        row.delete()

    def disable(self, row: Any) -> None:
        """Out of force, but kept. The empty digest marks it as retired by a load."""
        put(row, {"enabled": False, "loaded_digest": ""})

    def tell(self, before: Spec | None, after: Spec | None, ownership: Ownership) -> None:
        """Note in the trail what a load has changed, where the kind `tells`. None: the row was or is not there."""
        return

    def references(self, spec: Spec) -> list[Reference]:
        return []

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """What is wrong with the kind's specs taken together, or with others' beside them."""
        return ()

    def overlooked(self, world: World) -> Iterable[Misfit]:
        """Warnings about specs that are right by themselves and to which nothing leads."""
        return ()

    @property
    def listing(self) -> tuple[str, ...]:
        """The order in which an export lists the rows."""
        return self.key or ("pk",)

    def gather(self, specs: list[Spec]) -> Any:
        """The section's value for these specs; the reverse of expand."""
        return specs

    def exported(self, row: Any) -> Spec:
        """The spec as a file may show it."""
        return self.to_spec(row)

    def map_toml(self, toml: TomlTables) -> None:
        """Take what the file's own table holds. As here, most tables are spelled like the section in YAML."""
        if self.section in toml.data:
            toml.sections[self.section] = (toml.data[self.section], (self.section,))

    def expand(self, value: Any, document: Document, at: Place) -> tuple[list[Entry], list[FileProblem]]:
        """The section's entries. Most sections are a list with one item for each."""
        if value is None:
            return [], []
        if not isinstance(value, list):
            return [], [document.problem(at, f"must be a list with one item for each {self.title}")]
        entries, problems = [], []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                entries.append(Entry(self.section, item, document, (*at, index)))
            else:
                problems.append(document.problem((*at, index), f"must be a {self.title} with its keys"))
        return entries, problems


def put(row: Any, columns: Mapping[str, Any]) -> Any:
    """Write these columns of an existing row, and no others: live state may stand beside them."""
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=[*columns, "updated_at"])
    return row


def plain_numbers(value: Any) -> Any:
    """120.0 as 120 and so on, at any depth: what databases may turn into each other is equal."""
    if isinstance(value, dict):
        return {name: plain_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def doubled(
    section: str, claims: Mapping[Identity, tuple[str, ...]], field: str, verb: str
) -> Iterator[Misfit]:
    """A problem for each of two specs of the section with the same claim, naming the other."""
    owners: dict[tuple[str, ...], Identity] = {}
    for identity, claim in sorted(claims.items()):
        first = owners.setdefault(claim, identity)
        if first != identity:
            yield section, identity, FieldProblem(field, f'{verb} "{first[0]}"')
            yield section, first, FieldProblem(field, f'{verb} "{identity[0]}"')


KINDS: Registry[Kind] = Registry("kind of configuration", key="section")


def publisher() -> Publisher:
    """The one that the kinds share: a configuration has one numbered version."""
    (found,) = {kind.publisher for kind in KINDS.values() if kind.publisher}
    return found
