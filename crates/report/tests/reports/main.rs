//! Entries and what exports and reports make of them.

mod balance_sheet;
mod client_profile;
mod export;
mod notation;
