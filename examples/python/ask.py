"""Asks for an analysis, follows its progress, prints its pairs: python ask.py WALLET WALLET ..."""

import json
import os
import sys
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BROKERS = {"bootstrap.servers": os.environ["STREAMPROC_KAFKA_BROKERS"]}
PREFIX = os.environ.get("STREAMPROC_TOPIC_PREFIX", "") + "analysis-"
REQUEST = {"request_id": str(uuid.uuid4()), "wallets": sys.argv[1:]}
KEY = REQUEST["request_id"].encode()

# Read from where the topics end now, then ask: no answer is missed.
consumer = Consumer({**BROKERS, "group.id": "unused", "enable.auto.commit": False})
topics = [PREFIX + name for name in ("progress", "completed", "failed")]
places = [
    TopicPartition(t, n) for t in topics for n in consumer.list_topics(t).topics[t].partitions
]
for place in places:
    place.offset = consumer.get_watermark_offsets(place)[1]
consumer.assign(places)
producer = Producer(
    {**BROKERS, "partitioner": "murmur2_random"}
)  # as Java's: a cancel finds its request
producer.produce(PREFIX + "requested", json.dumps(REQUEST), KEY)
producer.flush()

seen, is_followed, end = set(), False, None
while not is_followed or end is None:  # topics have no order among each other: wait for both ends
    record = consumer.poll(1)
    if record is not None and record.error():
        raise KafkaException(record.error())
    if record is None or record.key() != KEY or dict(record.headers())["ce_id"] in seen:
        continue  # nothing yet, another request, or a repeat
    seen.add(dict(record.headers())["ce_id"])
    value = json.loads(record.value())
    if record.topic() == PREFIX + "progress":
        print(f"{value['percent']:3.0f} % {value['message']}")
        is_followed = value["terminal"]
    else:
        end = value
if end["status"] != "completed":
    sys.exit(f"{end['status']}: {end['message']}")
for pair in end["pairs"]:
    print(pair["wallet_a"], pair["wallet_b"], pair["scores"]["idf"], pair["verdict"])
