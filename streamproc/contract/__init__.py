"""The contract, published: JSON Schema of every event, AsyncAPI of all topics, and what a change of them breaks.

`files` makes everything that lies in `schemas/` and `asyncapi.yaml` from `streamproc.events`, `streamproc.result` and
`topics.yaml`; `breaking` compares two schemas.
"""

from streamproc.contract.asyncapi import document
from streamproc.contract.compatibility import breaking
from streamproc.contract.files import files
from streamproc.contract.schemas import schema_of

__all__ = ["breaking", "document", "files", "schema_of"]
