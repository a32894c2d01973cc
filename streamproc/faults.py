"""What is wrong with an input, in our words: a library's findings as faults that name field, value and rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.errors import Fault

if TYPE_CHECKING:
    from pydantic import ValidationError

    from streamproc.json_types import JsonView

# The rule behind each kind of finding; names in braces are those of its context.
_RULES: Final = {
    "missing": "is needed",
    "extra_forbidden": "is not a field of this event",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing": "must be an integer",
    "int_parsing_size": f"must be at most {limits.INTEGER_MAX}",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a string",
    "string_unicode": "must be text without lone surrogates",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "dict_type": "must be an object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "json_invalid": "must be JSON",
    "value_error": "{error}",
}
OTHERWISE: Final = "must have the form that the event's description gives it"


def faults_of(error: ValidationError) -> list[Fault]:
    """Every finding of the validation as a fault."""
    return [_fault(dict(found)) for found in error.errors(include_url=False)]


def _fault(found: JsonView) -> Fault:
    """One finding as a fault with a short quotation of the value."""
    location = ".".join(map(str, found["loc"])) or "value"
    rule = _RULES.get(found["type"], OTHERWISE).format(**found.get("ctx", {}))
    return Fault(
        quoted_name(location),
        "nothing" if found["type"] == "missing" else quoted(found["input"]),
        rule,
    )


def quoted(value: object) -> str:
    """The beginning of a wrong value as JSON, in ASCII; of lists and objects only how large they are."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    most = limits.FAULT_VALUE_MAX_CHARACTERS
    if isinstance(value, bytes):
        value = value[: most + 1].decode("utf-8", "backslashreplace")
    cut = value[: most + 1] if isinstance(value, str) else value
    try:
        text = json.dumps(cut)
    except (TypeError, ValueError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= most else text[:most] + "..."


def quoted_name(name: str) -> str:
    """A field's name, however a stranger chose it: short, and only what can be printed."""
    most = limits.FAULT_VALUE_MAX_CHARACTERS
    text = name if name.isascii() and name.isprintable() else json.dumps(name[: most + 1])[1:-1]
    return text if len(text) <= most else text[:most] + "..."
