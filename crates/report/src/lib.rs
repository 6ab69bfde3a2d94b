//! Reports from output records alone: what an outsider with read access to the topics can compute.

pub mod balance_sheet;
pub mod chain;
pub mod client_profile;
pub mod entries;
pub mod export;
pub mod names;
pub mod records;
pub mod verify;
pub mod watch;
