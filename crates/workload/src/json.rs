//! Events as a Track envelope in JSON.

use crate::event::Event;
use crate::text::{self, NumberForm};

/// How an envelope is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it is sent first.
    Sent,
    /// The same content by other means: whitespace, order of fields, number forms, upper and
    /// lower case of codes, offset of times, escapes.
    Again,
}

/// Writes one envelope.
#[derive(Debug)]
pub(crate) struct Writer {
    out: String,
    look: Look,
}

const OPEN: &str = r#"{"track":["#;
const CHARGE: &str = r#"{"name":"Charge","payload":["#;

impl Writer {
    /// Makes room for an envelope of `items` payload items.
    pub(crate) fn new(look: Look, items: u64) -> Self {
        let items = usize::try_from(items.min(1_000)).unwrap_or(1);
        let mut out = String::with_capacity(64 + 448 * items);
        out.push_str(OPEN);
        Self { out, look }
    }

    /// Writes a payload item, in a `track` element of its own if it is to be `apart`; tells where
    /// the item starts.
    pub(crate) fn event(&mut self, event: &Event, apart: bool) -> usize {
        if self.out.len() == OPEN.len() {
            self.out.push_str(CHARGE);
        } else if apart {
            self.out.push_str("]},");
            self.out.push_str(CHARGE);
        } else {
            self.out.push(',');
        }
        let start = self.out.len();
        self.out.push('{');
        match self.look {
            Look::Sent => {
                self.ids(event);
                self.data(event);
            }
            Look::Again => {
                self.data(event);
                self.ids(event);
            }
        }
        self.out.push('}');
        start
    }

    /// Changes what has been written since `start`.
    pub(crate) fn edit_since(&mut self, start: usize, edit: impl FnOnce(&mut String)) {
        let mut text = self.out.split_off(start);
        edit(&mut text);
        self.out.push_str(&text);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push_str("]}]}");
        if self.look == Look::Again {
            self.out.push('\n');
        }
        self.out.into_bytes()
    }

    fn ids(&mut self, event: &Event) {
        self.string("eventId", |out| text::event_id(out, event.id));
        self.string("userId", |out| text::user(out, event.user));
    }

    fn data(&mut self, event: &Event) {
        let again = self.look == Look::Again;
        let form = event.form;
        self.key("data");
        self.out.push('{');
        if again {
            self.string("status", |out| out.push_str("succeeded"));
        }
        let field = if event.refund { "amount_refunded" } else { "amount" };
        self.amount(field, Some(event.amount), event, form);
        if !again {
            self.string("status", |out| out.push_str("succeeded"));
        }
        let lower = (form >> 16).is_multiple_of(32) != again;
        self.string("currency", |out| {
            let letters = event.currency.code.chars();
            letters.for_each(|letter| {
                out.push(if lower { letter.to_ascii_lowercase() } else { letter });
            });
        });
        self.amount("fee", event.fee, event, form >> 8);
        self.amount("feeReturned", event.fee_returned, event, form >> 12);
        if let Some(charge) = event.charge {
            self.string("chargeId", |out| text::id(out, "ch_", charge));
        }
        if let Some(order) = event.order {
            self.string("orderId", |out| text::id(out, "ord_", order));
        }
        if let Some(product) = event.product {
            self.string("productId", |out| text::product(out, product));
        }
        if let Some(processor) = event.processor {
            self.string("provider", |out| out.push_str(processor));
        }
        if let Some(tier) = event.tier {
            self.string("tier", |out| out.push_str(tier));
        }
        if let Some(at_ms) = event.occurred_at_ms {
            let offset = (form >> 24).is_multiple_of(16) != again;
            self.string("occurredAt", |out| text::time(out, at_ms, offset));
        }
        if let Some(livemode) = event.livemode {
            self.key("livemode");
            self.out.push_str(if livemode { "true" } else { "false" });
        }
        if let Some(description) = event.description {
            self.string("description", |out| {
                text::description(out, description, again);
            });
        }
        self.out.push('}');
    }

    fn amount(&mut self, name: &str, minor: Option<u64>, event: &Event, form: u64) {
        let Some(minor) = minor else { return };
        let mut form = match form % 32 {
            0 => NumberForm::Short,
            1 | 2 => NumberForm::Quoted,
            3 => NumberForm::Padded,
            4 => NumberForm::Exponent,
            _ => NumberForm::Plain,
        };
        if self.look == Look::Again {
            form = match form {
                NumberForm::Plain | NumberForm::Padded => NumberForm::Short,
                NumberForm::Short => NumberForm::Quoted,
                NumberForm::Quoted => NumberForm::Exponent,
                NumberForm::Exponent => NumberForm::Padded,
            };
        }
        self.key(name);
        text::amount(&mut self.out, minor, event.currency, form);
    }

    fn string(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.key(name);
        self.out.push('"');
        write(&mut self.out);
        self.out.push('"');
    }

    fn key(&mut self, name: &str) {
        let again = self.look == Look::Again;
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
        if again {
            self.out.push_str("\n  ");
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str(if again { "\" : " } else { "\":" });
    }
}
