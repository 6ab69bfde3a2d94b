//! The spend event (contracts.md, "In"; seed 002).

use daybook_core::event::SpendEvent;
use daybook_core::money::{Currency, minor};
use daybook_core::rejection::{Reason, Rejection};

use super::Context;
use super::fields::Faults;
use crate::document::Document;

/// Reads a record of `spend`: the event, or why it is none, and the project that it names.
pub fn decode_spend(value: &[u8], context: Context<'_>) -> (Result<SpendEvent, Rejection>, Option<Box<str>>) {
    let Ok(document) = Document::parse(value) else {
        return (Err(Rejection::at(Reason::MalformedJson, "")), None);
    };
    let project = super::project_id(&document);
    if !matches!(document, Document::Object(_)) {
        return (Err(Rejection::at(Reason::UnknownSchema, "")), project);
    }
    (read(&document, context.default_currency(project.as_deref())), project)
}

fn read(record: &Document<'_>, default_currency: Option<Currency>) -> Result<SpendEvent, Rejection> {
    let mut faults = Faults::new("");
    let field = |name: &str| record.get(name);
    if field("spend_amount").is_none() {
        faults.note(Reason::AmountMissing, "spend_amount");
    }
    let event = SpendEvent {
        event_id: faults.id(field("event_id"), "event_id", Reason::EventIdMissing),
        version: faults.count(field("version"), "version").unwrap_or(1),
        amount: faults.decimal(field("spend_amount"), "spend_amount").unwrap_or_default(),
        currency: faults.currency(field("currency"), "currency"),
        occurred_at_ms: faults.required_time(field("occurred_at"), "occurred_at").unwrap_or_default(),
        is_active: faults.bool(field("is_active"), "is_active").unwrap_or(true),
        platform: faults.name(field("provider"), "provider"),
        campaign: faults.name(field("campaign_id"), "campaign_id"),
        ad_set: faults.name(field("adset_id"), "adset_id"),
        ad: faults.name(field("ad_id"), "ad_id"),
    };
    if event.amount.is_sign_negative() && !event.amount.is_zero() {
        faults.note(Reason::AmountOutOfRange, "spend_amount");
    }
    // Where the event names no currency only the projector knows whether it can be accepted; but an event that is refused
    // anyway is refused for the first of all its faults.
    if event.currency.is_some() || faults.any() && !faults.has(Reason::CurrencyUnknown) {
        match event.currency.or(default_currency).map(|currency| minor(event.amount, currency)) {
            None => faults.note(Reason::CurrencyMissing, "currency"),
            Some(Err(reason)) => faults.note(reason, "spend_amount"),
            Some(Ok(_)) => {}
        }
    }
    faults.first().map_or(Ok(event), Err)
}
