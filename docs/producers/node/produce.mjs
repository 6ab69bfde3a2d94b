// Sends a payment and its refund to daybook: node produce.mjs [ORDER] [TIME]

import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";

const order = process.argv[2] ?? randomUUID();
const time = process.argv[3] ?? new Date().toISOString();
const user = "ann@example.com";

const kafka = new Kafka({
  brokers: (process.env.BOOTSTRAP_SERVERS ?? "127.0.0.1:19092").split(","),
  logLevel: logLevel.ERROR,
});
const producer = kafka.producer({
  idempotent: true, // a retry of the client is not written twice
  maxInFlightRequests: 1, // and keeps its place
});

// The event's id is made of what it is about: sent again, it is the same event.
const charge = (event, data) => ({
  key: user, // keeps what belongs to a customer in order
  headers: { "daybook-project": process.env.PROJECT ?? "shop" },
  value: JSON.stringify({
    track: [{ name: "Charge", payload: [{ eventId: `${order}/${event}`, userId: user, data }] }],
  }),
});
const common = { status: "succeeded", currency: "USD", chargeId: order, provider: "stripe", occurredAt: time };

await producer.connect();
try {
  const delivered = await producer.send({
    topic: process.env.CHARGES_TOPIC ?? "charges",
    acks: -1, // acknowledged by all in-sync replicas
    messages: [
      // Amounts are text: a float would not be exact.
      charge("payment", { ...common, amount: "19.90", fee: "0.88" }),
      charge("refund", { ...common, amount_refunded: "5.00" }),
    ],
  });
  for (const { topicName, partition, baseOffset } of delivered) {
    console.log(topicName, partition, baseOffset);
  }
} finally {
  await producer.disconnect();
}
