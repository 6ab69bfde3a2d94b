//! What senders write to `charges`, one module per format.
//!
//! A record holds one or more items; each is an event by itself, accepted or refused alone.

mod canonical;
mod card;
mod fields;
mod sales;
mod spend;
mod standard;
mod track;

pub use spend::decode_spend;

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

/// The default currency of the project that a record belongs to, given the one that its value names.
pub type CurrencyOf<'a> = dyn Fn(Option<&str>) -> Option<Currency> + 'a;

/// What is known of an input record besides its value.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// The default currency of the project that the record belongs to, given the one that its value names, as far as
    /// intake knows settings. It only decides which of several reasons is reported: an event is never refused here for a
    /// fault that depends on it, nor completed with it.
    pub currency_of: Option<&'a CurrencyOf<'a>>,
    /// Whether it is a dead letter that the projector wrote, put back: an event that it had no time of then has none
    /// now.
    pub own_letter: bool,
}

impl Context<'_> {
    fn default_currency(&self, project: Option<&str>) -> Option<Currency> {
        self.currency_of.and_then(|of| of(project))
    }
}

/// Reads an input record. Never empty: what is no event is one refused item.
#[must_use]
pub fn decode(value: &[u8], context: Context<'_>) -> Vec<Item> {
    let Ok(document) = Document::parse(value) else {
        return vec![Item::refused(Reason::MalformedJson, "")];
    };
    let has = |key: &str| document.get(key).is_some();
    let project = project_id(&document);
    let default_currency = context.default_currency(project.as_deref());
    // The order of the table: a record that looks like several formats is the first of them.
    let mut items = if has("track") {
        track::decode(&document, default_currency)
    } else {
        let event = if has("type") {
            standard::decode(&document, default_currency)
        } else if has("event_type") {
            sales::decode(&document, default_currency)
        } else if has("kind") {
            canonical::decode(&document, default_currency, context.own_letter)
        } else {
            Err(Rejection::at(Reason::UnknownSchema, ""))
        };
        vec![Item { event, project: None }]
    };
    items.iter_mut().for_each(|item| item.project.clone_from(&project));
    items
}

/// The project that a record names in its value. An empty one counts as missing; what is no text is no project's name,
/// and stands for one that can't be.
fn project_id(document: &Document<'_>) -> Option<Box<str>> {
    match document.get("project_id")? {
        Document::String(project) if project.is_empty() => None,
        Document::String(project) => Some((&**project).into()),
        _ => Some("".into()),
    }
}
