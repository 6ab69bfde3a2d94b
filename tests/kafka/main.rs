//! daybook on a real Kafka broker. What it publishes is read by kcat, committed records alone. `DAYBOOK_BIN` names the
//! binary, `DAYBOOK_TEST_KAFKA` the broker; `cargo xtask ci` provides both.

mod avro;
mod books;
mod dlq;
mod faults;
mod monitoring;
mod producers;
mod security;
mod usage;
