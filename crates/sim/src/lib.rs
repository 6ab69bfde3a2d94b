//! Checks of the whole system, for development only.
//!
//! [`model`] computes from the input records alone what must come out, by a way of its own: it
//! shares no code with the crates that it checks. [`batch`] does so from journal records, for all kinds of event and
//! all settings; it shares the core's plain types and nothing else. [`random`] makes journals for it.

pub mod batch;
pub mod model;
pub mod random;
