//! Every codec against its contract: the schemas, the reference implementation of Avro, RFC 8785, and tables of what
//! senders write.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]
#![allow(clippy::cast_possible_wrap, reason = "drawn numbers are small")]

mod avro;
mod formats;
mod generate;
mod hostile;
mod input_schemas;
mod inputs;
mod journal;
mod outputs;
mod reader;
mod settings;
mod state;
mod versions;
