"""What the OpenAPI document says of a view beside its rule and docstring; and checking by it.

Parameters and bodies are checked by the models in the annotations of a view, which describe them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar, get_type_hints

from pydantic import BaseModel

from api.query import body_of, query_of

JSON: Final = "application/json"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What a view answers and takes, beside what its rule and its docstring say."""

    tag: str
    answers: Mapping[str, type[BaseModel] | None]  # content type -> model of the body
    status: int
    errors: Mapping[int, str]
    query: type[BaseModel] | None
    takes: Mapping[str, type[BaseModel]]  # content type -> model of the body
    headers: Mapping[str, Any]  # name -> type
    hints: Mapping[str, Any]  # argument of the view -> type
    needs_store: bool


def described(
    tag: str,
    answer: type[BaseModel] | None = None,
    *,
    status: int = 200,
    also: Sequence[str] = (),
    query: type[BaseModel] | None = None,
    takes: Mapping[str, type[BaseModel]] | None = None,
    headers: Mapping[str, Any] | None = None,
    errors: Mapping[int, str] | None = None,
    needs_store: bool = True,
) -> Callable[[View], View]:
    """Describe a view; its arguments `query` and `body` are checked and given by their models.

    Parameters
    ----------
    tag : str
        One of `TAGS`.
    answer : type of BaseModel, optional
        The JSON object it answers.
    status : int
        Of that answer.
    also : sequence of str
        Other content types that it answers.
    query : type of BaseModel, optional
        Parameters of a view that reads them itself.
    takes : mapping of str to type of BaseModel, optional
        Content types and what they hold, of a view that reads its body itself.
    headers : mapping of str to type, optional
        Headers of the request that it reads.
    errors : mapping of int to str, optional
        Statuses that only this view has, each with a message as an example.
    needs_store : bool
        Whether it is a 503 when the store is away.
    """

    def decorate(view: View) -> View:
        hints = get_type_hints(view, include_extras=True)
        asked, body = hints.get("query"), hints.get("body")

        @wraps(view)
        def checked(*args: Any, **given: Any) -> Any:
            if asked is not None:
                given["query"] = query_of(asked)
            if body is not None:
                given["body"] = body_of(body)
            return view(*args, **given)

        checked.operation = Operation(  # type: ignore[attr-defined]
            tag=tag,
            answers=({JSON: answer} if answer else {}) | dict.fromkeys(also),
            status=status,
            errors=errors or {},
            query=query or asked,
            takes=takes or ({JSON: body} if body else {}),
            headers=headers or {},
            hints=hints,
            needs_store=needs_store,
        )
        return checked  # type: ignore[return-value]

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What `described` said of a view, None when nothing was."""
    return getattr(view, "operation", None)
