//! Why an input was refused: stable codes that users match on.

use std::fmt;

use crate::name::Name;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+) => {
        /// A stable reason code, in order of precedence: where several apply, the smallest is reported
        /// (contracts.md, "Rejection reasons").
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in order of precedence.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)+];

            /// The code as published in the `daybook-reason` header.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)+ }
            }

            /// What the code means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$variant => concat!($($doc),+).trim_start(),)+ }
            }

            /// The reason of a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Reason::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// The record is larger than `intake.record_bytes_max`, or holds more than 1,000 payload items.
    PayloadTooLarge = "payload_too_large",
    /// The value is not one JSON document: bad syntax, invalid UTF-8, a NUL, a key given twice, or nesting too deep.
    MalformedJson = "malformed_json",
    /// The value matches none of the input formats.
    UnknownSchema = "unknown_schema",
    /// A Track envelope without a payload item.
    EmptyEnvelope = "empty_envelope",
    /// No header, field or configured default names the project.
    ProjectMissing = "project_missing",
    /// The project's name is not 1 to 64 letters, digits, dots, underscores or dashes.
    ProjectInvalid = "project_invalid",
    /// A Track event with a name other than `Charge`.
    UnknownEventName = "unknown_event_name",
    /// A type, status or kind that does not exist.
    UnknownKind = "unknown_kind",
    /// A Track event whose status is not `succeeded`: no money has moved.
    NotSucceeded = "not_succeeded",
    /// The event has no id, so it could not be told from its copies.
    EventIdMissing = "event_id_missing",
    /// The event names no user.
    UserMissing = "user_missing",
    /// A field has the wrong type, length or characters; the path says which.
    FieldInvalid = "field_invalid",
    /// Neither the event nor the project's settings name a currency.
    CurrencyMissing = "currency_missing",
    /// The currency is not one of ISO 4217 with a minor unit.
    CurrencyUnknown = "currency_unknown",
    /// The event has no amount.
    AmountMissing = "amount_missing",
    /// A Track event with both `amount` and `amount_refunded`.
    AmountAmbiguous = "amount_ambiguous",
    /// An amount that is not a decimal number.
    AmountMalformed = "amount_malformed",
    /// An amount of zero or less moves no money.
    AmountNotPositive = "amount_not_positive",
    /// More digits after the point than the currency has.
    ExcessPrecision = "excess_precision",
    /// An amount of 10^15 minor units or more, with more than 15 digits, or a fee below zero.
    AmountOutOfRange = "amount_out_of_range",
    /// Neither the event nor its record has a time.
    TimestampMissing = "timestamp_missing",
    /// A time that is not RFC 3339, or more than 24 hours after the record's own.
    TimestampInvalid = "timestamp_invalid",
    /// Older than the horizon within which duplicates can be told.
    BeyondHorizon = "beyond_horizon",
    /// The id was used before for an event with other content.
    EventIdConflict = "event_id_conflict",
    /// The charge has as many events as its bound allows.
    ChargeHistoryFull = "charge_history_full",
    /// The project's settings can't be read; the path says which key.
    SettingsInvalid = "settings_invalid",
    /// A split rule with shares outside 0 to 1, a sum above 1 or two owners.
    SplitRuleInvalid = "split_rule_invalid",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refused event: the reason, and the field or fields at fault. It never carries payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{path}", if path.is_empty() { "" } else { " at " })]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The field at fault as a path from the event's root (`data.amount`); of a conflict, the names of the
    /// fields that differ, separated by commas; empty where it is the event as a whole.
    pub path: Name,
}

impl Rejection {
    /// A rejection of the field at `path`.
    #[must_use]
    pub fn at(reason: Reason, path: &str) -> Self {
        Self { reason, path: path.into() }
    }
}
