//! Events in the canonical formats: what the projector refuses is dead-lettered as this, and intake reads it again.

use std::fmt::Write;

use daybook_core::event::{ChargeEvent, SpendEvent};
use daybook_core::money::Currency;
use rust_decimal::Decimal;

use super::fields::Fields;

fn decimal(o: &mut String, key: &str, value: Option<Decimal>) {
    if let Some(value) = value {
        o.field(key);
        let _ = write!(o, "\"{value}\"");
    }
}

fn boolean(o: &mut String, key: &str, value: bool) {
    o.field(key);
    o.push_str(if value { "true" } else { "false" });
}

fn name(o: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        o.str(key, value);
    }
}

fn time(o: &mut String, key: &str, value: Option<i64>) {
    if let Some(value) = value {
        o.time(key, value);
    }
}

/// The same as [`ChargeEvent`] in the canonical format (contracts.md, "In"): what the projector
/// refuses is dead-lettered as this.
pub fn canonical(event: &ChargeEvent, out: &mut String) {
    out.record(|o| {
        decimal(o, "amount", event.amount);
        if event.card_number_masked {
            boolean(o, "cardNumberMasked", true);
        }
        name(o, "chargeId", event.charge_id.as_deref());
        time(o, "clearsAt", event.clears_at_ms);
        name(o, "currency", event.currency.as_ref().map(Currency::code));
        name(o, "description", event.description.as_deref());
        o.str("eventId", &event.identity.event_id);
        o.number("eventLine", event.identity.line);
        decimal(o, "fee", event.fee);
        decimal(o, "feeReturned", event.fee_returned);
        o.str("kind", event.kind.name());
        boolean(o, "livemode", event.livemode);
        time(o, "occurredAt", event.occurred_at_ms);
        name(o, "orderId", event.order_id.as_deref());
        if let Some(points) = event.points_delta {
            o.number("pointsDelta", points);
        }
        name(o, "productId", event.product.as_deref());
        name(o, "provider", event.processor.as_deref());
        decimal(o, "roundedSpend", event.rounded_spend);
        name(o, "tier", event.tier.as_deref());
        name(o, "transactionId", event.transaction.as_deref());
        o.str("userId", &event.user);
    });
}

/// A spend event as `spend` takes it (contracts.md, "In").
pub fn canonical_spend(event: &SpendEvent, out: &mut String) {
    out.record(|o| {
        name(o, "ad_id", event.ad.as_deref());
        name(o, "adset_id", event.ad_set.as_deref());
        name(o, "campaign_id", event.campaign.as_deref());
        name(o, "currency", event.currency.as_ref().map(Currency::code));
        o.str("event_id", &event.event_id);
        boolean(o, "is_active", event.is_active);
        o.time("occurred_at", event.occurred_at_ms);
        name(o, "provider", event.platform.as_deref());
        decimal(o, "spend_amount", Some(event.amount));
        o.number("version", event.version);
    });
}
