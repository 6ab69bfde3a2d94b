//! The shell around the projector: where records come from and where effects go.
//!
//! ```text
//! charges, settings ──► intake ──► journal ──► projector ──► entries, points, rows
//!                          │                       │  ▲
//!                    charges.dlq               state store
//! ```
//!
//! Intake and projector are loops of single steps over one small interface, [`log::Log`]: read records, commit a
//! transaction. It has a durable implementation ([`embedded`]) and one in memory that fails where it is told to
//! ([`memory`]).

pub mod batch;
pub mod clock;
pub mod embedded;
pub mod engine;
pub mod gateway;
pub mod intake;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod projection;
pub mod projector;
pub mod record;
pub mod store;

#[cfg(feature = "negative-controls")]
pub mod controls;
