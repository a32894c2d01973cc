"""Claims: the brokers refuse what a former owner of a changelog's partition has put on the wire, however late it comes.

Each partition has a transactional id of its own. Its new owner has the brokers count up that id's epoch, and
writes a mark with the new one before the table is recovered. The partition's leader then takes no batch of an older
epoch any more: what came before the mark is recovered, what comes after it is refused. No transaction is ever begun:
the brokers compare epochs of all batches that carry a producer's identity, and nothing has to be committed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka.client import CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NoError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.transaction import InitProducerIdRequest

from streamproc import limits
from streamproc.engine.records import Outgoing

if TYPE_CHECKING:
    from aiokafka.client import AIOKafkaClient

    from streamproc.engine.records import Partition

_NOT_YET: Final = (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)
_SEQUENCES: Final = 1 << 31  # they begin at 0 again
_KEY: Final = b""  # of no state
_UNCOMPRESSED: Final = 0


class Claim:
    """The identity under which one partition is written: an epoch of its transactional id, and a count of records."""

    __slots__ = ("_epoch", "_producer_id", "_sequence")

    def __init__(self, producer_id: int, epoch: int) -> None:
        self._producer_id = producer_id
        self._epoch = epoch
        self._sequence = 0

    def taken(self, records: int) -> tuple[int, int, int]:
        """Producer id, epoch and first sequence number of the next batch, which has so many records."""
        first, self._sequence = self._sequence, (self._sequence + records) % _SEQUENCES
        return self._producer_id, self._epoch, first

    def create_batch(self) -> BatchBuilder:
        """An empty batch that will carry this identity in place of its producer's."""
        return _ClaimedBatch(self)


class _ClaimedBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka ships no types
    """A batch with an identity of its own."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(limits.PRODUCER_BATCH_BYTES, _UNCOMPRESSED)
        self._claim = claim

    def _set_producer_state(self, *_of_its_producer: int) -> None:
        """Take the claim's identity; aiokafka asks once for each batch, in the order in which they are written."""
        super()._set_producer_state(*self._claim.taken(self.record_count()))


async def claimed(client: AIOKafkaClient, partition: Partition) -> Claim:
    """A new claim on a partition. Raises KafkaError, TransactionalIdAuthorizationFailed where it is not allowed."""
    name = f"{partition[0]}-{partition[1]}"
    while True:
        try:
            node = await client.coordinator_lookup(CoordinationType.TRANSACTION, name)
            request = InitProducerIdRequest(name, int(limits.REQUEST_TIMEOUT_S * 1000))
            answer = await client.send(node, request)
            error = for_code(answer.error_code)
            if error is not NoError:
                raise error
        except _NOT_YET:
            await asyncio.sleep(limits.CLAIM_AGAIN_S)
        else:
            return Claim(answer.producer_id, answer.producer_epoch)


def mark_of(partition: Partition) -> Outgoing:
    """The record with which a claim begins: it deletes a key that no state has."""
    return Outgoing(partition[0], _KEY, None, (), partition[1])
