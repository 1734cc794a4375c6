"""Turns pydantic's errors into lines that name the place: ``study[2].batch_size[1]: …``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

MOST: Final = 50  # mistakes of one table that are put into words, which takes a while each
_WANTED = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "needs at least {min_length} value",
    "string_too_long": "must have at most {max_length} characters",
}


def messages(error: ValidationError, raw: object, form: type[BaseModel], place: str) -> list[str]:
    """One line for each fault, in the order of the file's keys.

    Parameters
    ----------
    error
        What validating ``raw`` as ``form`` raised.
    raw
        The value as read.
    form
        Its pydantic model, for the names of valid keys.
    place
        Where ``raw`` stands in the file; empty for the whole file.
    """
    found = error.errors(include_url=False)
    rest = [f"{place}: …"] * (len(found) - MOST)  # to be counted; nobody reads so many
    return [f"{_place(place, f['loc'], raw)}: {_message(f, form)}" for f in found[:MOST]] + rest


def _place(start: str, location: Sequence[int | str], raw: object) -> str:
    text = start
    value: Any = raw
    for part in location:
        if isinstance(part, int):
            if not isinstance(value, list):  # one value without brackets has no index to name
                continue
            text += f"[{part}]"
            value = value[part]
        else:
            name = shown(part, quoted=not part.replace("-", "").replace("_", "").isalnum())
            text += f".{name}" if text else name
            value = value.get(part) if isinstance(value, dict) else None
    return text or "the file"


def _message(found: ErrorDetails, form: type[BaseModel]) -> str:
    kind, value, context = found["type"], found["input"], found.get("ctx", {})
    if kind == "extra_forbidden":
        key = str(found["loc"][-1])
        near = difflib.get_close_matches(key, form.model_fields, n=2, cutoff=0.6)
        if near:
            return f"unknown key; did you mean {' or '.join(near)}?"
        return f"unknown key; known: {', '.join(form.model_fields)}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in _WANTED:
        limit = {k: f"{v:,}" if isinstance(v, int) else v for k, v in context.items()}
        return f"{_WANTED[kind].format(**limit)}, not {shown(value)}"
    return f"{found['msg']}, not {shown(value)}"


def shown(value: object, *, quoted: bool = True) -> str:
    """Write what a user gave on one short line, control characters escaped."""
    if isinstance(value, bool):
        return str(value).lower()  # as TOML writes it
    try:
        text = repr(value) if quoted or not isinstance(value, str) else repr(value)[1:-1]
    except ValueError:  # an integer of more than 4,300 digits
        return "a huge number"
    except RecursionError:
        return "a deeply nested value"
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
