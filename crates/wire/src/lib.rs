//! Bytes to and from the projector's types. Pure codecs: no I/O, no clock, no state.
//!
//! ```text
//! input/    what senders write      -> ChargeEvent or Rejection     one module per format
//! journal   JournalRecord          <-> journal records              schemas/journal.v1.avsc
//! output    Entry, rows, points     -> canonical JSON, Avro         schemas/*.avsc
//! avro      Confluent wire format   -> JSON                         schemas of a registry
//! settings  a project's settings   <-> JSON
//! state     values of the projector's state <-> bytes of the state store (private to one build's format version)
//! ```

pub mod avro;
pub mod binary;
pub mod dead_letter;
pub mod document;
pub mod input;
pub mod journal;
pub mod output;
pub mod schemas;
pub mod settings;
pub mod state;
pub mod time;
pub mod topic;
