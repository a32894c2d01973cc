"""A state's bytes, and what a later version has written into them: carried on untouched, so that it finds it again.

New fields of a state belong to JoinState or Opened: what is said of a wallet is a value of its own.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.join.state import JoinState, Opened, replace

_IN_OPENED: Final = "opened/"  # before the name of a field of the opening
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STATE: Final = msgspec.json.Decoder(JoinState)


def state_from(raw: bytes) -> JoinState:
    """The state that `bytes_of`, of this version or a later one, made these bytes of."""
    state, parts = _STATE.decode(raw), _PARTS.decode(raw)
    more = _unknown(parts, JoinState.__struct_encode_fields__, "")
    if "opened" in parts and state.opened is not None:
        more |= _unknown(
            _PARTS.decode(parts["opened"]), Opened.__struct_encode_fields__, _IN_OPENED
        )
    return replace(state, more=more) if more else state


def bytes_of(state: JoinState) -> bytes:
    """The state as JSON; what is carried on stands where it was found."""
    if not state.more:
        return msgspec.json.encode(state)
    parts = _PARTS.decode(msgspec.json.encode(replace(state, more={})))
    opened = {} if "opened" not in parts else _PARTS.decode(parts["opened"])
    for name, value in state.more.items():
        if not name.startswith(_IN_OPENED):
            parts[name] = msgspec.Raw(value.encode())
        elif opened:
            opened[name.removeprefix(_IN_OPENED)] = msgspec.Raw(value.encode())
    if opened:
        parts["opened"] = msgspec.Raw(msgspec.json.encode(opened))
    return msgspec.json.encode(parts)


def _unknown(parts: dict[str, msgspec.Raw], known: tuple[str, ...], prefix: str) -> dict[str, str]:
    """The JSON of the fields that this version does not know."""
    return {
        f"{prefix}{name}": bytes(raw).decode() for name, raw in parts.items() if name not in known
    }
