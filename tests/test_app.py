"""The agents of the worker and the consumers of `topics.yaml` are the same, or a worker does not start."""

from __future__ import annotations

import pytest

from streamproc.app import AGENTS, JOIN, agent_faults
from streamproc.topics import OUTSIDE, Topology, read_topology


def reading(topic_name: str, *consumers: str) -> Topology:
    """The declared topology with other consumers of one topic."""
    topology = read_topology()
    topics = tuple(
        topic.model_copy(update={"consumers": list(consumers)})
        if topic.name == topic_name
        else topic
        for topic in topology.topics
    )
    return topology.model_copy(update={"topics": topics})


def test_every_consumer_that_is_declared_is_an_agent_that_reads_the_event() -> None:
    assert agent_faults(read_topology()) == []
    declared = {name for topic in read_topology().topics for name in topic.consumers}
    assert declared - OUTSIDE == {*(agent.name for agent in AGENTS), JOIN}


@pytest.mark.parametrize("consumer", ["synch", "similarity", "Join"])
def test_a_consumer_that_does_not_read_the_event_is_a_fault_and_so_is_the_missing_one(
    consumer: str,
) -> None:
    wrong, missing = agent_faults(reading("wallet-sync", consumer))
    assert (wrong.field, wrong.value) == ("consumers of WalletSyncRequested", consumer)
    assert wrong.rule == "must be agents that read it: sync"
    assert (missing.value, missing.rule) == ("no sync", "must have sync, which reads it")


def test_outside_readers_are_free_to_be_there() -> None:
    assert agent_faults(reading("wallet-sync", "sync", "operators")) == []
