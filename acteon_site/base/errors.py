"""The one error contract: every refusal is an AppError with a code, a text and a retry decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field. `field` is a dotted path; `message` says what to do instead."""

    field: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"field": self.field, "message": self.message}


def problems_in_words(problems: Sequence[FieldProblem]) -> str:
    return "; ".join(f"{problem.field} {problem.message}" for problem in problems)


@dataclass(eq=False)
class AppError(Exception):
    """Base of every error that a caller may see. Subclasses fix `status` and `code`."""

    message: str
    code: str = "INTERNAL"
    status: int = 500
    retryable: bool = False
    details: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "error": self.message,
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        if self.details:
            body["details"] = [problem.as_dict() for problem in self.details]
        return body

    def item(self) -> dict[str, Any]:
        """The shape of this error as one item of a batch answer."""
        inner = {"code": self.code, "message": self.message, "retryable": self.retryable}
        return {"error": inner}


def malformed(message: str) -> AppError:
    return AppError(message, "MALFORMED", 400)


def bad_query(message: str, problems: Sequence[FieldProblem] = ()) -> AppError:
    return AppError(message, "BAD_QUERY", 400, details=problems)


def unauthenticated() -> AppError:
    headers = {"WWW-Authenticate": 'Bearer realm="acteon"'}
    message = "this key or token is unknown, expired or revoked"
    return AppError(message, "UNAUTHENTICATED", 401, headers=headers)


def forbidden(message: str) -> AppError:
    return AppError(message, "FORBIDDEN", 403)


def not_found(message: str) -> AppError:
    return AppError(message, "NOT_FOUND", 404)


def conflict(message: str, code: str = "CONFLICT") -> AppError:
    return AppError(message, code, 409)


def invalid(message: str, problems: Sequence[FieldProblem] = ()) -> AppError:
    return AppError(message, "VALIDATION", 422, details=problems)


def invalid_fields(problems: Sequence[FieldProblem]) -> AppError:
    return invalid(problems_in_words(problems), problems)


def invalid_field(name: str, message: str) -> AppError:
    return invalid(f"{name}: {message}", [FieldProblem(name, message)])


def database_gone() -> AppError:
    return unavailable("the database does not answer; try again")


def unexpected() -> AppError:
    """Of what nobody foresaw: the log says what it was."""
    message = "an unexpected error; the request id finds it in the log"
    return AppError(message, "INTERNAL", 500, retryable=True)


def unavailable(message: str, retry_after: int = 5) -> AppError:
    return AppError(message, "UNAVAILABLE", 503, retryable=True, headers={"Retry-After": str(retry_after)})
