"""The engine leans on private methods of Faust and aiokafka: this says so as soon as one of them is another."""

from __future__ import annotations

import hashlib
import inspect
from typing import TYPE_CHECKING

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.sender import SendProduceReqHandler
from faust import App
from faust.stores.memory import Store
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

# Method, the first 16 digits of its source's SHA-256, and what to look at before a new digest is written down here.
RELIED_ON: list[tuple[Callable[..., object], str, str]] = [
    (
        Consumer._drain_messages,
        "44a2500309e83c63",
        "drops below `_read_offset` only; gaps only matter to topics with acks",
    ),
    (
        Consumer.getmany,
        "4b168d84882a70d6",
        "drops records of inactive partitions and of older generations; the tracker sees the hole",
    ),
    (Consumer._wait_next_records, "6218e1969a636b3f", "does not fetch without active partitions"),
    (
        Consumer.perform_seek,
        "0e8c130ff4b0afd8",
        "fills `_committed_offset` from the group's offsets",
    ),
    (
        Consumer.seek,
        "b86a9fe05f956b30",
        "sets `_read_offset`, so that earlier records are accepted again",
    ),
    (
        Consumer.commit,
        "a354437baaa08bf8",
        "one at a time; goes through `_filter_committable_offsets`",
    ),
    (
        Consumer._commit_tps,
        "a20e230b05ae8b15",
        "takes offsets from `_filter_committable_offsets` alone",
    ),
    (
        Consumer._commit_offsets,
        "1a69799041188441",
        "commits through `_commit`; updates `_committed_offset` even when that failed",
    ),
    (
        Consumer.pause_partitions,
        "27a1c94bdacd54de",
        "removes from the set that `getmany` works with",
    ),
    (Consumer.resume_partitions, "afe6b7c02a41d63c", "adds to the set that `getmany` works with"),
    (Consumer.on_partitions_revoked, "d04b7ae72c6fc206", "forgets offsets, then calls the app"),
    (
        Consumer.on_partitions_assigned,
        "29ce96596f05a18c",
        "activates all assigned partitions, then calls the app, which pauses them",
    ),
    (
        ThreadDelegateConsumer._getmany,
        "f9d47aa9010b5ff2",
        "hands the set of active partitions to the thread",
    ),
    (ThreadDelegateConsumer._commit, "a20eec84e4b2ed50", "hands the offsets to the thread"),
    (
        AIOKafkaConsumerThread._create_worker_consumer,
        "c2701bfc3e6f6cad",
        "compare its settings with GuardedThread's",
    ),
    (
        AIOKafkaConsumerThread._fetch_records,
        "39a2c6c79fc1455a",
        "passes the set on to `fetched_records`",
    ),
    (
        Recovery.on_recovery_completed,
        "6ef567acf072e46d",
        "resumes streams, seeks, clears queues (flow_control.resume), resume_flow last",
    ),
    (Recovery._resume_streams, "d986a6710c1aca98", "the same order, for an app without tables"),
    (
        Recovery._build_offsets,
        "27eec86be06cb51f",
        "starts reading at `active_offsets`, which JoinTable.skip_own_writes advances",
    ),
    (
        Recovery._build_highwaters,
        "91b4cc0d3724ae7b",
        "asks the consumer how far to read, before anything is read: partitions are claimed then",
    ),
    (
        App.agent,
        "ae1d2b662569c68b",
        "what GuardedApp.register does, but for the search of where the body was written",
    ),
    (
        TableManager.on_start,
        "365dd25fbc0e0684",
        "what GuardedApp's own does after a second's sleep",
    ),
    (
        Store.apply_changelog_batch,
        "71863e3cd727aac2",
        "a null value deletes the key; `_key_partition` is kept",
    ),
    (
        Store.on_recovery_completed,
        "a00bef343e139602",
        "drops the keys of partitions that are gone, by `_key_partition`",
    ),
    (
        Fetcher.fetched_records,
        "be4348896b9b66af",
        "takes an empty set of partitions for all of them: LivePartitions is never false",
    ),
    (
        Fetcher._proc_fetch_request,
        "59bf948fff47eed5",
        "reads what came through MemoryRecords and PartitionRecords, which record_batches replaces",
    ),
    (
        FetchResult.getall,
        "3e717e30de5068d5",
        "takes the position from the records, also when they end early",
    ),
    (
        PartitionRecords._unpack_records,
        "b803e6d46480732c",
        "steps over what is aborted; goes on at a batch's `next_offset`, asked after its records",
    ),
    (AIOKafkaProducer.create_batch, "c4efda4bb7a09741", "an empty builder"),
    (
        AIOKafkaProducer.send_batch,
        "bf42b0f0c5c0646d",
        "queues a batch; its future is the confirmation",
    ),
    (
        BatchBuilder._set_producer_state,
        "ab6b10c5329a1dd9",
        "gives a batch its identity: a claimed one puts its own in place of the producer's",
    ),
    (
        MessageAccumulator._pop_batch,
        "41cc98a298ef2628",
        "sets the identity once a batch, when it is first sent; a retry has the same",
    ),
    (
        AIOKafkaClient.coordinator_lookup,
        "19cc69fb75f8d667",
        "asks any node for the coordinator of a transactional id, raises what it answers",
    ),
    (
        AIOKafkaClient._get_conn,
        "68ce5d8391719d33",
        "every connection of a client comes from here: guard_writes hooks into it",
    ),
    (
        AIOKafkaClient.send,
        "246b277687d7b687",
        "calls `send` of the connection with nothing awaited after it was made ready",
    ),
    (
        AIOKafkaConnection.send,
        "5909ea32f4efca49",
        "puts the request on the socket before it returns: the fence is asked just before",
    ),
    (
        SendProduceReqHandler.do,
        "2dccd3d56b1607fb",
        "fails the batches of a request whose error is not retriable",
    ),
    (
        GroupCoordinator._send_req,
        "fa4b12e914ce9fcf",
        "all requests about the membership go through the client's `send`, which hold_lease hooks into",
    ),
    (
        GroupCoordinator._do_heartbeat,
        "dc1d6632aaa68e96",
        "takes a heartbeat that is answered by a rebalance for a good one, which renews no lease",
    ),
    (
        Worker._sentinel_task,
        "6e66058cf3e1b616",
        "is awaited once all tasks are cancelled, last before the loop closes",
    ),
]


def digest(method: Callable[..., object]) -> str:
    """The start of the SHA-256 of a method's source."""
    return hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("method", "known", "recheck"), RELIED_ON, ids=[each[0].__qualname__ for each in RELIED_ON]
)
def test_a_private_method_is_the_one_that_was_read(
    method: Callable[..., object], known: str, recheck: str
) -> None:
    assert digest(method) == known, (
        f"{method.__module__}.{method.__qualname__} has changed. The engine relies on this: {recheck}. "
        f"Read the new one, run tests/engine/test_crashes.py, then write down {digest(method)}."
    )
