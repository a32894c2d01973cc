"""The client: asks for analyses and follows them, from any asyncio program.

It needs aiokafka and PyYAML and loads nothing of the worker: no Faust, no database driver, no pydantic, no numpy.

    async with Client("localhost:9092") as client:
        request_id = await client.submit(["5Q54...", "7Ytt..."], max_transactions=5000)
        async for progress in client.watch(request_id):
            print(progress["percent"], progress["message"])
        result = await client.result(request_id)
"""

from streamproc.client.client import Client
from streamproc.client.records import (
    AnalysisEndedError,
    CohortRule,
    Failure,
    Progress,
    RequestOptions,
)

__all__ = ["AnalysisEndedError", "Client", "CohortRule", "Failure", "Progress", "RequestOptions"]
