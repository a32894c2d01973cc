"""Topics on the broker compared with `topics.yaml`: what is missing is created on demand, what differs is named.

Of what exists one setting is made on demand, where somebody has left it to the broker: how long a file of the log is
written. It loses nothing that the retention keeps.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from streamproc import limits
from streamproc.errors import BrokerUnavailableError, ConfigurationError, Fault
from streamproc.kafka.broker_access import refusal
from streamproc.kafka.consumers import be_quiet
from streamproc.kafka.wanted_topics import (
    SEGMENT,
    FoundTopic,
    Plan,
    WantedTopic,
    differences,
    wanted_topics,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from streamproc.topics import Topology

# Name, value, whether it is fixed, where it is set; and more.
ConfigEntry = tuple[str, str, bool, int]
NO_SECURITY: dict[str, object] = {}
_ON_THE_TOPIC = 1  # Kafka's DYNAMIC_TOPIC_CONFIG


async def plan(
    brokers: str,
    topology: Topology,
    *,
    prefix: str,
    app_id: str,
    security: Mapping[str, object] = NO_SECURITY,
) -> Plan:
    """The comparison of the broker with the declaration; nothing is changed.

    `security` is what aiokafka's clients need beside the broker list. Raises BrokerUnavailableError when no broker
    answers, ConfigurationError when one does not let us in; so do `apply` and `check`.
    """
    async with _admin(brokers, security) as admin:
        return await _compare(admin, wanted_topics(topology, prefix=prefix, app_id=app_id))


async def apply(
    brokers: str,
    topology: Topology,
    *,
    prefix: str,
    app_id: str,
    security: Mapping[str, object] = NO_SECURITY,
) -> Plan:
    """Create what is missing and return what was done: `missing` now exists and takes records, `unset` is set.

    What else differs is returned, never altered: partitions cannot be taken back, and shorter retention deletes. Raises
    BrokerUnavailableError when no broker answers, ConfigurationError when the broker refuses a topic.
    """
    async with _admin(brokers, security) as admin:
        wanted = wanted_topics(topology, prefix=prefix, app_id=app_id)
        found = await _compare(admin, wanted)
        if found.missing:
            await _create(admin, found.missing)
            await _until_led(brokers, security, found.missing)
        if found.unset:
            await _set_segments(admin, found.unset)
        return found


async def check(
    brokers: str,
    topology: Topology,
    *,
    prefix: str,
    app_id: str,
    security: Mapping[str, object] = NO_SECURITY,
) -> list[Fault]:
    """Every way in which the broker's topics are not as declared; raise ConfigurationError with them to end a start.

    Raises BrokerUnavailableError when no broker answers.
    """
    compared = await plan(brokers, topology, prefix=prefix, app_id=app_id, security=security)
    return compared.faults()


async def await_coordinator(
    brokers: str, app_id: str, *, security: Mapping[str, object] = NO_SECURITY
) -> None:
    """Return when the consumer group has a coordinator, or after a while without one: a worker waits for it too.

    The first question makes a fresh broker create the topic of all groups, which takes some seconds.
    """
    async with _admin(brokers, security) as admin:
        end = time.monotonic() + limits.TOPIC_WAIT_S
        while time.monotonic() < end:
            try:
                await admin.find_coordinator(app_id)
            except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
                await asyncio.sleep(limits.COORDINATOR_POLL_S)
            else:
                return


class Member(NamedTuple):
    """A process in a consumer group: the name that the coordinator gave it, its host, and what it reads."""

    name: str
    host: str
    places: tuple[TopicPartition, ...]


class GroupState(NamedTuple):
    """A consumer group: who is in it, and from where each partition is still to be worked off."""

    members: tuple[Member, ...]
    committed: Mapping[TopicPartition, int]


async def group_state(brokers: str, security: Mapping[str, object], group: str) -> GroupState:
    """The members of a group and its committed offsets; raises BrokerUnavailableError when Kafka is away."""
    async with _admin(brokers, security) as admin:
        answers = await admin.describe_consumer_groups([group])
        committed = await admin.list_consumer_group_offsets(group)
    members = [
        _member(*described)
        for answer in answers
        for group_described in answer.groups
        for described in group_described[5]
    ]
    found = {place: at.offset for place, at in committed.items() if at.offset >= 0}
    return GroupState(tuple(sorted(members)), found)


def _member(name: str, client: str, host: str, metadata: bytes, assignment: bytes) -> Member:  # noqa: ARG001 - Kafka's fields
    """A member as the coordinator describes it; one that has just come reads nothing yet."""
    read = ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions() if assignment else ()
    return Member(name, host.lstrip("/"), tuple(sorted(read)))


@asynccontextmanager
async def _admin(
    brokers: str, security: Mapping[str, object]
) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client; whatever the library raises inside becomes BrokerUnavailableError.

    ConfigurationError when a broker answers and does not let us in.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=brokers,
        request_timeout_ms=limits.ADMIN_TIMEOUT_S * 1000,
        **security,
    )
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        if (refused := await refusal(brokers, security, error)) is not None:
            raise refused from None
        sentence = f"no usable answer from Kafka at {brokers}: {type(error).__name__}: {error}"
        raise BrokerUnavailableError(sentence) from error
    finally:
        await admin.close()


async def _compare(admin: AIOKafkaAdminClient, wanted: Sequence[WantedTopic]) -> Plan:
    """What is missing and what differs."""
    found = await _describe(admin, wanted)
    missing = tuple(topic for topic in wanted if topic.name not in found)
    differing = tuple(
        fault
        for topic in wanted
        if topic.name in found
        for fault in differences(topic, found[topic.name])
    )
    unset = tuple(
        topic for topic in wanted if topic.name in found and SEGMENT not in found[topic.name].own
    )
    return Plan(missing, differing, unset)


async def _describe(
    admin: AIOKafkaAdminClient, wanted: Sequence[WantedTopic]
) -> dict[str, FoundTopic]:
    """The wanted topics that exist, with their partitions and configuration."""
    names = {topic.name for topic in wanted}
    # All topics, then ours: asking for a topic by name makes brokers create it where that is allowed.
    described = {
        topic["topic"]: topic["partitions"]
        for topic in await admin.describe_topics()
        if topic["topic"] in names and not topic["error_code"]
    }
    # Only what is compared: a topic has forty settings, most of them the broker's.
    asked = {key for topic in wanted for key in topic.config} | {SEGMENT}
    configs = await _configs(admin, sorted(described), asked)
    return {
        name: FoundTopic(
            len(partitions),
            {entry[0]: entry[1] for entry in configs.get(name, ())},
            frozenset(entry[0] for entry in configs.get(name, ()) if entry[3] == _ON_THE_TOPIC),
        )
        for name, partitions in described.items()
    }


async def _configs(
    admin: AIOKafkaAdminClient, names: Sequence[str], keys: Iterable[str] | None = None
) -> dict[str, Sequence[ConfigEntry]]:
    """Each topic's effective configuration: name, value, whether it is fixed, where it is set, and more.

    All of it, or of these keys.
    """
    if not names:
        return {}
    configs_of = None if keys is None else dict.fromkeys(keys)
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, configs_of) for name in names]
    configs = {}
    for answer in await admin.describe_configs(asked):
        for code, message, _, name, entries in answer.resources:
            if code:
                raise for_code(code)(f"cannot read the configuration of {name}: {message}")
            configs[name] = entries
    return configs


async def _set_segments(admin: AIOKafkaAdminClient, topics: Sequence[WantedTopic]) -> None:
    """Set how long files of these topics are written; what else is set on them is said again, or it would be undone."""
    found = await _configs(admin, [topic.name for topic in topics])
    asked = []
    for topic in topics:
        kept = {entry[0]: entry[1] for entry in found[topic.name] if entry[3] == _ON_THE_TOPIC}
        configs = {**kept, SEGMENT: topic.config[SEGMENT]}
        asked.append(ConfigResource(ConfigResourceType.TOPIC, topic.name, configs))
    for answer in await admin.alter_configs(asked):
        for code, message, _, name in answer.resources:
            if code:
                raise for_code(code)(f"cannot set {SEGMENT} of {name}: {message}")


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[WantedTopic]) -> None:
    """Create topics, in up to three copies; one that somebody else has just made is fine."""
    cluster = await admin.describe_cluster()
    replication = min(limits.REPLICATION, len(cluster["brokers"]))
    # With three copies a record counts once two have it, so that one broker may be away.
    safety = {"min.insync.replicas": "2"} if replication == limits.REPLICATION else {}
    asked = [
        NewTopic(
            topic.name, topic.partitions, replication, topic_configs={**topic.config, **safety}
        )
        for topic in topics
    ]
    answer = await admin.create_topics(asked)
    refused = []
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            refused.append(Fault(name, error.__name__, f"must be creatable: {message}"))
    if refused:
        raise ConfigurationError(refused)


async def _until_led(
    brokers: str, security: Mapping[str, object], topics: Sequence[WantedTopic]
) -> None:
    """Return when every partition's leader answers for it; clients that come earlier log errors and try again.

    What the cluster's metadata say is not enough: a broker is named as leader before it knows that it is.
    """
    be_quiet()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        request_timeout_ms=limits.ADMIN_TIMEOUT_S * 1000,
        retry_backoff_ms=limits.LEADERS_POLL_MS,
        **security,
    )
    try:
        await consumer.start()
        await consumer.end_offsets(
            [
                TopicPartition(topic.name, part)
                for topic in topics
                for part in range(topic.partitions)
            ]
        )
    finally:
        await consumer.stop()
