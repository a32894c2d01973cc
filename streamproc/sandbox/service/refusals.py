"""What the stand-in refuses: JSON-RPC errors by the codes of the real services, and how large a batch may be."""

from __future__ import annotations

from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNSUPPORTED_VERSION: Final = -32015
BATCH_MAX: Final = 100  # calls in one JSON-RPC batch


class RpcError(Exception):
    """The call is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
