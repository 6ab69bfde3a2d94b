//! Reports from output records alone: what an outsider with read access to the topics can compute.

pub mod records;
pub mod verify;
