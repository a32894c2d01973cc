"""All that knows Faust, mode and aiokafka's consumer.

Faust imports the client of aiohttp, and that reads the certificates of all authorities of the system as soon as it is
imported, for connections that name none: a tenth of all that a worker would do before it reads. Ours name theirs (see
`upstream/client/connections.py`), so OpenSSL's own variable names an empty file until Faust is there.
"""

from __future__ import annotations

import os
from typing import Final

_AUTHORITIES: Final = "SSL_CERT_FILE"

_given = os.environ.get(_AUTHORITIES)
os.environ[_AUTHORITIES] = os.devnull
try:
    import faust.app.base  # noqa: F401 - for its effect
finally:
    if _given is None:
        del os.environ[_AUTHORITIES]
    else:
        os.environ[_AUTHORITIES] = _given
