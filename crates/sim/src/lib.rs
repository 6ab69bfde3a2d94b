//! Checks of the whole system, for development only.
//!
//! [`model`] computes from the input records alone what must come out, by a way of its own: it
//! shares no code with the crates that it checks.

pub mod model;
