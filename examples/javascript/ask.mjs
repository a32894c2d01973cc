// Asks for an analysis, follows its progress, prints its pairs: node ask.mjs WALLET WALLET ...
import { randomUUID } from "node:crypto";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const { STREAMPROC_KAFKA_BROKERS, STREAMPROC_TOPIC_PREFIX = "" } = process.env;
const [requested, progress, completed, failed] = ["requested", "progress", "completed", "failed"].map(
  (name) => `${STREAMPROC_TOPIC_PREFIX}analysis-${name}`,
);
const request = { request_id: randomUUID(), wallets: process.argv.slice(2) };
// What kafkajs tries again (a coordinator that a fresh broker has not made yet) is no error; what it gives up is thrown.
const kafka = new Kafka({ brokers: STREAMPROC_KAFKA_BROKERS.split(","), logLevel: logLevel.NOTHING });
const groupId = `ask-${request.request_id}`;
const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId, maxWaitTimeInMs: 500 })];
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await Promise.all([admin.connect(), consumer.connect(), producer.connect()]);

const seen = new Set();
let isFollowed = false, end, finish;
const finished = new Promise((resolve) => (finish = resolve));
await consumer.subscribe({ topics: [progress, completed, failed] });
await consumer.run({ eachMessage: async ({ topic, message }) => {
  const id = message.headers.ce_id?.toString();
  if (message.key?.toString() !== request.request_id || seen.has(id)) return; // another request, or a repeat
  seen.add(id);
  const value = JSON.parse(message.value.toString());
  if (topic === progress) console.log(`${value.percent} % ${value.message}`);
  if (topic === progress) isFollowed = value.terminal;
  else end = value;
  if (isFollowed && end) finish(); // topics have no order among each other: wait for both ends
} });
// Read from where the topics end now, then ask: no answer is missed.
for (const topic of [progress, completed, failed])
  for (const { partition, offset } of await admin.fetchTopicOffsets(topic)) consumer.seek({ topic, partition, offset });
await producer.send({ topic: requested, messages: [{ key: request.request_id, value: JSON.stringify(request) }] });
await finished;

await Promise.all([consumer.disconnect(), producer.disconnect()]);
await admin.deleteGroups([groupId]);
await admin.disconnect();
if (end.status !== "completed") throw new Error(`${end.status}: ${end.message}`);
for (const pair of end.pairs) console.log(pair.wallet_a, pair.wallet_b, pair.scores.idf, pair.verdict);
