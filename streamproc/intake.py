"""Records from outside, from their bytes to an event: one parser, and every fault at once.

Whatever can be read far enough to find a usable request id is answered with its faults; of the rest the sender finds a
dead letter that says what is wrong.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from streamproc import limits
from streamproc.errors import DeadLetterError, Fault, InvalidInputError
from streamproc.events import REQUEST_ID_PATTERN
from streamproc.faults import faults_of, quoted, quoted_name
from streamproc.serde import header, is_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamproc.json_types import Json
    from streamproc.serde import ReceivedHeaders

M = TypeVar("M", bound=BaseModel)
_BOM: Final = b"\xef\xbb\xbf"
_STRUCTURED: Final = "application/cloudevents"
_BATCHED: Final = "application/cloudevents-batch"
_ENVELOPED: Final = "data"  # the member of an envelope that holds the event
# A text that nobody closes is one token to the end: looked for anew from each of its quotes, it would take hours.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', re.DOTALL)
_VALUE: Final = re.compile(rb'\s*:\s*"([A-Za-z0-9._-]{1,64})"')
_TEXT: Final = 0x09  # a tab: no text begins with a lower byte


class OutsideFaultsError(InvalidInputError):
    """A record from outside breaks rules; `request_id` is whom to answer, None when nobody can be.

    `tenant` is whose it is, as far as that can be read.
    """

    def __init__(
        self, faults: list[Fault], request_id: str | None, tenant: str | None = None
    ) -> None:
        """Keep whom to answer beside the faults."""
        super().__init__(faults)
        self.request_id = request_id
        self.tenant = tenant


class Read(NamedTuple):
    """What could be read of a record's bytes: the fields, and what was wrong about their form."""

    fields: Json
    faults: list[Fault]


def decode_outside(
    model: type[M],
    value: bytes | None,
    headers: ReceivedHeaders = (),
    faults: Sequence[Fault] = (),
) -> M:
    """The record as an event; `faults` are those known already.

    Raises OutsideFaultsError with every fault when there is a usable request id in it, DeadLetterError when not.
    """
    if value is None:
        raise DeadLetterError("tombstone", "the record has no value")
    if len(value) > limits.REQUEST_MAX_BYTES:
        fault = Fault(
            "value", f"{len(value)} bytes", f"must be at most {limits.REQUEST_MAX_BYTES} bytes"
        )
        raise _refused([*faults, fault], scanned_request_id(value), "too_large")
    fields, found = _read(value, _content_type(headers), list(faults))
    if "request_id" in {each.field for each in found}:  # twice: nobody knows which one counts
        raise _refused(found, None)
    reason = "not_json" if any(each.field == "value" for each in found) else "invalid_request"
    try:
        return validated(model, fields, found)
    except InvalidInputError as error:
        is_unsure = "tenant" in {each.field for each in found}
        tenant = None if is_unsure else usable_id(fields.get("tenant"))  # has the same letters
        request_id = usable_id(fields.get("request_id"))
        raise _refused(error.faults, request_id, reason, tenant) from None


def validated(model: type[M], fields: Json, faults: Sequence[Fault] = ()) -> M:
    """The fields as a model; raises InvalidInputError with these faults and all further ones."""
    found = list(faults)
    found += [
        Fault(quoted_name(name), quoted(fields[name]), "is not a field of this event")
        for name in fields
        if name not in model.model_fields
    ]
    long = {name: each for name, each in fields.items() if _is_long(each)}
    rule = f"must have at most {limits.LIST_MAX_ENTRIES} entries"
    found += [
        Fault(quoted_name(name), quoted(each), rule)
        for name, each in long.items()
        if name in model.model_fields
    ]
    known = {
        name: each
        for name, each in fields.items()
        if name in model.model_fields and name not in long
    }
    try:
        event = model.model_validate(known, strict=True)
    except ValidationError as error:
        found += [each for each in faults_of(error) if each.field not in long]
        raise InvalidInputError(found) from None
    if found:
        raise InvalidInputError(found)
    return event


def parsed(value: bytes | str) -> object:
    """The JSON of these bytes or text, and NaN and infinities as they are.

    Raises DeadLetterError for what is no JSON, or nested too deeply.
    """
    return _parsed(value if isinstance(value, str) else value.decode("utf-8-sig", "replace"), [])


def usable_id(found: object) -> str | None:
    """The request id, if it is one that can be answered."""
    return found if isinstance(found, str) and REQUEST_ID_PATTERN.fullmatch(found) else None


def scanned_request_id(value: bytes) -> str | None:
    """The request id of a value that is not parsed as a whole: the outermost object's, near its beginning."""
    found = _scanned(value, b'"request_id"')
    return None if found is None else found.decode()


def enveloped_trace(value: bytes | None, headers: ReceivedHeaders) -> bytes | None:
    """The `traceparent` of a CloudEvents envelope (structured mode), None when it has none in the W3C form."""
    if value is None or not _content_type(headers).startswith(_STRUCTURED):
        return None
    found = _scanned(value, b'"traceparent"')
    return found if found is not None and is_trace(found) else None


def _scanned(value: bytes, name: bytes) -> bytes | None:
    """The outermost object's plain text of this quoted name, found without parsing the whole."""
    depth, start = 0, value.find(b"{", 0, limits.FRAME_MAX_BYTES + len(_BOM))
    if start < 0 or name not in value:
        return None
    for token in _TOKEN.finditer(value, start, limits.REQUEST_MAX_BYTES):
        text = token.group()
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif depth == 1 and text == name:
            found = _VALUE.match(value, token.end())
            if found is not None:
                return found[1]
    return None


def _refused(
    faults: list[Fault],
    request_id: str | None,
    reason: str = "invalid_request",
    tenant: str | None = None,
) -> Exception:
    """The answer, or the dead letter where there is nobody to answer to."""
    error = OutsideFaultsError(faults, request_id, tenant)
    return DeadLetterError(reason, str(error)) if request_id is None else error


def _read(value: bytes, content_type: str, faults: list[Fault]) -> Read:
    """The fields of the event in these bytes; raises DeadLetterError where there are none."""
    text = _text(_unframed(value.removeprefix(_BOM), faults), faults)
    is_enveloped = content_type.startswith(_STRUCTURED)
    try:
        content = _parsed(text, faults, _ENVELOPED if is_enveloped else None)
    except RecursionError:
        fault = Fault("value", f"{len(value)} bytes", "must not be nested so deeply")
        raise _refused([*faults, fault], scanned_request_id(value), "not_json") from None
    except DeadLetterError as error:
        first = "".join(f"; {each}" for each in faults[:3])
        raise DeadLetterError(error.reason, f"{error}{first}") from None
    if not isinstance(content, dict):
        fault = Fault("value", quoted(content), "must be a JSON object")
        raise _refused([*faults, fault], None)
    if is_enveloped:
        return Read(_unwrapped(content, content_type, faults), faults)
    return Read(content, faults)


def _unframed(value: bytes, faults: list[Fault]) -> bytes:
    """The bytes from the first brace on, where a few bytes that are no text stand before it."""
    start = value.find(b"{", 0, limits.FRAME_MAX_BYTES)
    is_framed = start > 0 and value[0] < _TEXT and value[start + 1 : start + 2] != b"\0"
    if not is_framed:  # or in an encoding of two or four bytes
        return value
    rule = f"must begin with the JSON itself, not with the frame of a schema registry's serializer ({start} bytes)"
    faults.append(Fault("value", f"the leading bytes {value[:start].hex(' ')}", rule))
    return value[start:]


def _text(value: bytes, faults: list[Fault]) -> str:
    """The value as text, with a fault where it is not UTF-8."""
    encoding = json.detect_encoding(value)
    if not encoding.startswith("utf-8"):
        faults.append(Fault("value", f"bytes of {encoding}", "must be JSON in UTF-8"))
        return value.decode(encoding, "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte 0x{value[error.start]:02x} at {error.start}"
        faults.append(Fault("value", where, "must be JSON in UTF-8"))
        return value.decode("utf-8", "replace")


def _parsed(text: str, faults: list[Fault], inner: str | None = None) -> object:
    """The JSON of a text; adds a fault for each name that the outermost object, or its member `inner`, has twice."""
    repeated: list[tuple[dict[str, object], list[str]]] = []

    def together(pairs: list[tuple[str, object]]) -> dict[str, object]:
        content = dict(pairs)
        if len(content) < len(pairs):
            times = Counter(name for name, _ in pairs)
            repeated.append((content, [name for name in times if times[name] > 1]))
        return content

    try:
        content = _loaded(text, together)
    except json.JSONDecodeError as error:
        raise DeadLetterError(
            "not_json", f"the value is no JSON from character {error.pos} on"
        ) from None
    if isinstance(content, dict):
        read = (content, content.get(inner) if inner else None)
        twice = [
            name for made, names in repeated for each in read if made is each for name in names
        ]
        faults += [Fault(quoted_name(name), "twice", "must stand once") for name in twice]
    return content


def _loaded(text: str, together: Callable[[list[tuple[str, object]]], object]) -> object:
    """The JSON of a text, however many digits its integers have."""
    try:
        return json.loads(text, object_pairs_hook=together)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than Python reads
        return json.loads(text, object_pairs_hook=together, parse_int=_integer)


def _integer(digits: str) -> int:
    """An integer of any length, cut where it is too large anyway."""
    return int(digits[: limits.DIGITS_READ])


def _is_long(value: object) -> bool:
    """Whether a list is too long to be checked entry by entry."""
    return isinstance(value, list) and len(value) > limits.LIST_MAX_ENTRIES


def _content_type(headers: ReceivedHeaders) -> str:
    """What the record says its value is, in lower case."""
    found = header(headers, "content-type") or b""
    return found[: limits.FAULT_VALUE_MAX_CHARACTERS].decode("ascii", "replace").strip().lower()


def _unwrapped(envelope: Json, content_type: str, faults: list[Fault]) -> Json:
    """The event's fields out of a CloudEvents envelope (structured mode)."""
    if content_type.startswith(_BATCHED):
        faults.append(Fault("content-type", content_type, "must be of one event, not of a batch"))
    if envelope.get("specversion") != "1.0":
        faults.append(Fault("specversion", quoted(envelope.get("specversion")), 'must be "1.0"'))
    if _ENVELOPED in {each.field for each in faults}:  # twice: nobody knows which one counts
        raise _refused(faults, None)
    data = envelope.get(_ENVELOPED)
    if data is None and isinstance(envelope.get("data_base64"), str):
        data = _from_base64(envelope["data_base64"], faults)
    if isinstance(data, dict):
        return data
    fault = Fault(_ENVELOPED, quoted(data), "must be the request, as a JSON object")
    raise _refused([*faults, fault], usable_id(envelope.get("request_id")))


def _from_base64(text: str, faults: list[Fault]) -> object:
    """The JSON in an envelope's `data_base64`."""
    try:
        return _parsed(base64.b64decode(text, validate=True).decode("utf-8-sig"), faults)
    except (binascii.Error, UnicodeDecodeError, RecursionError, DeadLetterError):
        faults.append(Fault("data_base64", quoted(text), "must be base64 of JSON"))
        return None
