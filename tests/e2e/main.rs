//! The built binary as its users meet it. `cargo xtask ci` builds it and runs these tests on it; `DAYBOOK_BIN` names
//! it.

#![allow(clippy::print_stdout, reason = "seeds and counts belong into a failed test's output")]

mod deployment;
mod dlq;
mod export;
mod health;
mod kills;
mod manual;
mod monitoring;
mod page;
mod pages;
mod reasons;
mod runbooks;
mod schemas;
mod seeds;
mod sha256sum;
mod simulate;
mod usage;
mod verify;
mod workload;
