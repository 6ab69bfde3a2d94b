//! The shell around the projector: where records come from and where effects go.
//!
//! ```text
//! charges, settings ──► intake ──► journal ──► projector ──► entries, points, rows
//!                          │                       │  ▲
//!                    charges.dlq               state store
//! ```
//!
//! Intake and projector are loops of single steps over one small interface, [`log::Log`]: poll for records of the
//! partitions that they have, commit a transaction. Behind it is Kafka ([`kafka`]), or a log of this process alone
//! ([`local`]): a durable one ([`embedded`]) or one in memory that fails where it is told to ([`memory`]).

pub mod batch;
pub mod clock;
mod database;
pub mod decoder;
pub mod embedded;
pub mod engine;
pub mod format;
pub mod gateway;
pub mod intake;
pub mod kafka;
pub mod local;
pub mod log;
mod measured;
pub mod memory;
pub mod metrics;
mod partition;
pub mod projection;
pub mod projector;
pub mod record;
pub mod store;

#[cfg(feature = "negative-controls")]
pub mod controls;
