"""Transaction versions: a call whose answer would hold a newer one than its caller reads is refused as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.service.refusals import INVALID_PARAMS, UNSUPPORTED_VERSION, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.json_types import JsonView
    from streamproc.sandbox.wire.archive import Record

OPTION: Final = "maxSupportedTransactionVersion"
VERSION_MAX: Final = 255  # it is one byte
TEXT: Final = (
    "Transaction version ({version}) is not supported by the requesting client. "
    "Please try the request again with the following configuration parameter: "
    '"maxSupportedTransactionVersion": {version}'
)


def version_of(options: JsonView) -> int | None:
    """Return the newest version that the caller declares, None when it declares none: legacy ones only."""
    declared = options.get(OPTION)
    is_number = isinstance(declared, int) and not isinstance(declared, bool)
    if declared is None or (is_number and 0 <= declared <= VERSION_MAX):
        return declared
    raise RpcError(INVALID_PARAMS, f"Invalid params: {OPTION} must be within 0..{VERSION_MAX}")


def refuse_newer(records: Iterable[Record], declared: int | None) -> None:
    """Raise RpcError for the first record whose version is newer than the declared one."""
    for record in records:
        if is_newer(record.version, declared):
            raise RpcError(UNSUPPORTED_VERSION, TEXT.format(version=record.version))


def is_newer(version: int | None, declared: int | None) -> bool:
    """Say whether a transaction of this version (None = legacy) is newer than what the caller reads."""
    return version is not None and (declared is None or version > declared)
