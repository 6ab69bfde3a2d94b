//! The projector: what every Charge event means in postings, points and days.
//!
//! **This crate does no I/O and reads no clock.** [`project::apply`] is a function of a state and a journal record;
//! time, settings and zones are records or data. The same journal gives the same effects on any machine, at any
//! time: that is what makes replay, verification and recovery possible. Its `clippy.toml` bans what would break it.
//!
//! ```text
//! JournalRecord ──► project::apply(&mut State, ..) ──► Effects { entries, points, disposition }
//!                     │
//!                     ├─ fold::Fold::step    an event that sorts last: one step from where the charge's fold stands
//!                     └─ derive::derive      any other: the whole history again, and the difference is published
//! ```
//!
//! The rules are those of accounting.md; documentation refers to them by number (3.4) or section and row.

pub mod calendar;
pub mod charge;
pub mod charge_state;
pub mod daily;
pub mod derive;
pub mod entry;
pub mod event;
pub mod flags;
pub mod fold;
pub mod meaning;
pub mod money;
pub mod name;
pub mod organization;
pub mod party;
pub mod project;
mod publish;
pub mod rejection;
pub mod resolve;
pub mod rewards;
pub mod settings;
pub mod spend;
pub mod splits;
pub mod state;
mod table;
