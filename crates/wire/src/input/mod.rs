//! What senders write to `charges`, one module per format.
//!
//! A record holds one or more items; each is an event by itself, accepted or refused alone.

mod card;
mod fields;
mod track;

use daybook_core::event::ChargeEvent;
use daybook_core::money::Currency;
use daybook_core::rejection::{Reason, Rejection};

use crate::document::Document;

/// One item of an input record.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The event, or why it is none. Paths start at the record's root (`track[0].payload[1].data.amount`).
    pub event: Result<ChargeEvent, Rejection>,
    /// Project that the item names itself, for records that have no header.
    pub project: Option<Box<str>>,
}

impl Item {
    fn refused(reason: Reason, path: &str) -> Self {
        Self { event: Err(Rejection::at(reason, path)), project: None }
    }
}

/// Reads an input record. Never empty: what is no event is one refused item.
///
/// `default_currency` is what the project's settings say as far as intake knows. It only decides which of several
/// reasons is reported: an event is never refused here for a fault that depends on it, nor completed with it.
#[must_use]
pub fn decode(value: &[u8], default_currency: Option<Currency>) -> Vec<Item> {
    let Ok(document) = Document::parse(value) else {
        return vec![Item::refused(Reason::MalformedJson, "")];
    };
    let mut items = if document.get("track").is_some() {
        track::decode(&document, default_currency)
    } else {
        vec![Item::refused(Reason::UnknownSchema, "")]
    };
    if let Some(Document::String(project)) = document.get("project_id") {
        items.iter_mut().for_each(|item| item.project = Some((&**project).into()));
    }
    items
}
