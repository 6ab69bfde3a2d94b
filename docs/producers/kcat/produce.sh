#!/bin/sh
# Sends a payment and its refund to daybook: sh produce.sh [ORDER] [TIME]
set -eu
order=${1:-$(cat /proc/sys/kernel/random/uuid)}
time=${2:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
user=ann@example.com

# The event's id is made of what it is about: sent again, it is the same event. Amounts are text: a float would not be
# exact. The key, before the tab, keeps what belongs to a customer in order.
charge() {
  printf '%s\t{"track":[{"name":"Charge","payload":[{"eventId":"%s","userId":"%s","data":{"status":"succeeded",' \
    "$user" "$order/$1" "$user"
  printf '"currency":"USD","chargeId":"%s","provider":"stripe","occurredAt":"%s",%s}}]}]}\n' "$order" "$time" "$2"
}

# Idempotence: a retry of the client is not written twice. acks: by all in-sync replicas.
{
  charge payment '"amount":"19.90","fee":"0.88"'
  charge refund '"amount_refunded":"5.00"'
} | kcat -P -b "${BOOTSTRAP_SERVERS:-127.0.0.1:19092}" -t "${CHARGES_TOPIC:-charges}" -K "$(printf '\t')" \
  -H "daybook-project=${PROJECT:-shop}" -X enable.idempotence=true -X acks=all
