//! Reading the fields of one event, whatever its format: every fault is noted, the first by precedence reported.

use daybook_core::calendar::is_valid_time;
use daybook_core::event::ChargeEvent;
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::name::{NAME_BYTES_MAX, Name, is_valid_name};
use daybook_core::rejection::{Reason, Rejection};
use daybook_core::resolve;
use rust_decimal::Decimal;

use crate::document::Document;
use crate::time::parse_rfc3339;

/// Bytes of an id and a status behind it (`/REFUNDED`).
const LONG_ID_BYTES_MAX: usize = NAME_BYTES_MAX + "/REFUNDED".len();

/// Faults found so far in one item.
pub(super) struct Faults<'a> {
    /// Path of the item from the record's root, empty or ending where a field's name can follow.
    prefix: &'a str,
    found: Vec<Rejection>,
    /// Whether there is an amount that could not be read.
    amount_unread: bool,
    /// Whether there are points that could not be read.
    points_unread: bool,
}

impl<'a> Faults<'a> {
    pub(super) fn new(prefix: &'a str) -> Self {
        Self { prefix, found: Vec::new(), amount_unread: false, points_unread: false }
    }

    pub(super) fn note(&mut self, reason: Reason, field: &str) {
        self.found.push(Rejection::at(reason, &format!("{}{field}", self.prefix)));
    }

    /// An id that must be there.
    pub(super) fn id(&mut self, value: Option<&Document<'_>>, field: &str, missing: Reason) -> Name {
        match value {
            None => self.note(missing, field),
            Some(Document::String(s)) if s.is_empty() => self.note(missing, field),
            Some(Document::String(s)) if is_valid_name(s) => return (&**s).into(),
            Some(_) => self.note(Reason::FieldInvalid, field),
        }
        Name::default()
    }

    /// An id that must be there and that this product has put together of one and a few letters.
    pub(super) fn long_id(&mut self, value: Option<&Document<'_>>, field: &str, missing: Reason) -> Name {
        match value {
            Some(Document::String(s)) if s.len() > NAME_BYTES_MAX && s.len() <= LONG_ID_BYTES_MAX => {
                // Its first part is what was an id.
                let valid = !s.chars().any(char::is_control);
                if !valid {
                    self.note(Reason::FieldInvalid, field);
                }
                (&**s).into()
            }
            value => self.id(value, field, missing),
        }
    }

    /// A name that may be there. An empty one counts as missing.
    pub(super) fn name(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<Name> {
        match value? {
            Document::String(s) if s.is_empty() => None,
            Document::String(s) if is_valid_name(s) => Some((&**s).into()),
            _ => {
                self.note(Reason::FieldInvalid, field);
                None
            }
        }
    }

    /// A JSON number or decimal string that must be above 0. One that is below is refused for that also where it
    /// is refused for more.
    pub(super) fn amount(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<Decimal> {
        let noted = self.found.len();
        let amount = self.decimal(value, field);
        self.amount_unread = value.is_some() && amount.is_none();
        let below = value.and_then(Document::text).is_some_and(|s| s.starts_with('-'));
        if below && self.found.get(noted).is_some_and(|f| f.reason > Reason::AmountNotPositive) {
            self.note(Reason::AmountNotPositive, field);
        }
        amount
    }

    /// A JSON number or decimal string.
    pub(super) fn decimal(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<Decimal> {
        let parsed = value?.text().map_or(Err(Reason::AmountMalformed), parse_decimal);
        parsed.map_err(|reason| self.note(reason, field)).ok()
    }

    /// A whole number of points, as JSON number or decimal string.
    pub(super) fn points(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<i64> {
        let noted = self.found.len();
        let points = self.decimal(value, field).filter(|points| points.scale() == 0);
        let whole = points.and_then(|points| i64::try_from(points.mantissa()).ok());
        self.points_unread = value.is_some() && whole.is_none();
        if self.points_unread && self.found.len() == noted {
            self.note(Reason::AmountMalformed, field);
        }
        whole
    }

    /// A whole number from 0 on that fits an `int`.
    pub(super) fn count(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<u32> {
        let count =
            value?.text().and_then(|text| text.parse().ok()).filter(|n| *n <= i32::MAX.unsigned_abs());
        if count.is_none() {
            self.note(Reason::FieldInvalid, field);
        }
        count
    }

    /// An object that may be there.
    pub(super) fn object<'d>(
        &mut self,
        value: Option<&'d Document<'d>>,
        field: &str,
    ) -> Option<&'d Document<'d>> {
        let object = value.filter(|v| matches!(v, Document::Object(_)));
        if value.is_some() && object.is_none() {
            self.note(Reason::FieldInvalid, field);
        }
        object
    }

    pub(super) fn currency(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<Currency> {
        match value? {
            Document::String(s) if s.is_empty() => None,
            Document::String(s) => {
                let currency = Currency::parse(s);
                if currency.is_none() {
                    self.note(Reason::CurrencyUnknown, field);
                }
                currency
            }
            _ => {
                self.note(Reason::FieldInvalid, field);
                None
            }
        }
    }

    pub(super) fn time(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<i64> {
        let time = match value? {
            Document::String(s) => parse_rfc3339(s).filter(|t| is_valid_time(*t)),
            _ => None,
        };
        if time.is_none() {
            self.note(Reason::TimestampInvalid, field);
        }
        time
    }

    /// A time that must be there.
    pub(super) fn required_time(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<i64> {
        if value.is_none() {
            self.note(Reason::TimestampMissing, field);
        }
        self.time(value, field)
    }

    pub(super) fn bool(&mut self, value: Option<&Document<'_>>, field: &str) -> Option<bool> {
        match value? {
            Document::Bool(b) => Some(*b),
            _ => {
                self.note(Reason::FieldInvalid, field);
                None
            }
        }
    }

    /// Free text, with card numbers masked; and whether there were any.
    pub(super) fn text(&mut self, value: Option<&Document<'_>>, field: &str) -> (Option<Name>, bool) {
        match value {
            None => (None, false),
            Some(Document::String(s)) if s.is_empty() => (None, false),
            Some(Document::String(s)) => match super::card::mask(s) {
                Some(masked) => (Some(masked.into()), true),
                None => (Some((&**s).into()), false),
            },
            Some(_) => {
                self.note(Reason::FieldInvalid, field);
                (None, false)
            }
        }
    }

    /// The event, or the first of its faults by precedence. `amount_field` is what the format calls the amount.
    pub(super) fn conclude(
        mut self,
        mut event: ChargeEvent,
        default_currency: Option<Currency>,
        field_path: impl Fn(&str) -> String,
    ) -> Result<ChargeEvent, Rejection> {
        // The provider is for the projector to tell: test streams have another.
        if event.processor.as_ref().is_some_and(|p| *p == event.user) {
            self.note(Reason::FieldInvalid, &field_path("provider"));
        }
        // Where the event names no currency only the projector knows whether it can be accepted; but an event that
        // is refused anyway is refused for the first of all its faults.
        let currency_unread = self.has(Reason::CurrencyUnknown);
        if self.amount_unread {
            // It is noted with its own reason and not missing; the event is refused, whatever stands in its place.
            event.amount = Some(Decimal::ONE);
        }
        if self.points_unread {
            event.points_delta = Some(0);
        }
        if (event.currency.is_some() || self.any())
            && !currency_unread
            && let Err(fault) = resolve::amounts(&event, default_currency)
        {
            self.note(fault.reason, &field_path(&fault.path));
        }
        self.first().map_or(Ok(event), Err)
    }

    /// Whether there are faults so far.
    pub(super) fn any(&self) -> bool {
        !self.found.is_empty()
    }

    /// Whether one of them has a reason.
    pub(super) fn has(&self, reason: Reason) -> bool {
        self.found.iter().any(|fault| fault.reason == reason)
    }

    /// The first of the faults by precedence.
    pub(super) fn first(self) -> Option<Rejection> {
        self.found.into_iter().min_by(|a, b| a.reason.cmp(&b.reason))
    }
}
