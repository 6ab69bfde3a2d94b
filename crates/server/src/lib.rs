//! The HTTP side of daybook, on one port: the Track API, metrics, health, queries over the
//! output topics and the dashboard.
//!
//! This crate knows nothing of Kafka, of the projector or of accounting rules. What it needs of
//! them comes in through [`Gateway`], [`Health`] and the [`ReadModel`] that the binary feeds with
//! output records; so it reads figures and never computes one.
//!
//! Two promises hold for every request:
//!
//! - `202 Accepted` is sent only after [`Gateway::append`] resolved, that is, once the log is
//!   durable.
//! - An API key is taken off the request before anything else sees it, so that no log, span,
//!   metric or error can hold one.

mod admin;
mod credentials;
mod extract;
mod gateway;
mod health;
mod keys;
mod metrics;
mod money;
mod page;
mod problem;
mod query;
mod read_model;
mod server;
mod settings;
mod trace;
mod track;

pub use gateway::{
    Gateway, GatewayError, GatewayRecord, RecordsError, RejectedItem, SettingsError, TopicError, TopicPage,
    TopicRecord, Validation,
};
pub use health::Health;
pub use metrics::METRICS;
pub use read_model::{Counters, OutputRecord, ReadModel, Unbalanced};
pub use server::{BoundServer, Server};
pub use settings::{ApiKey, BODY_BYTES_MAX_DEFAULT, Settings};
