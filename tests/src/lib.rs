//! What the end-to-end tests are made of: the built binary as a process, HTTP, files of books, a browser, and the
//! checks that must fail where the product is broken on purpose.
//!
//! Nothing here knows the product's code. [`daybook_sim`] and [`daybook_workload`] say what must come out.

pub mod accounting;
pub mod binary;
pub mod books;
pub mod browser;
pub mod control;
pub mod dashboards;
pub mod formats;
pub mod instance;
pub mod kafka;
pub mod kill;
pub mod prometheus;
pub mod python;
pub mod random;
pub mod totals;
pub mod traffic;
pub mod wait;
