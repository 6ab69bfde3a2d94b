//! Events in the canonical formats: what the projector refuses is dead-lettered as this, and intake reads it again.

use std::fmt::Write;

use daybook_core::event::{ChargeEvent, SpendEvent};
use daybook_core::money::Currency;
use rust_decimal::Decimal;

use super::object::Object;

fn decimal(o: &mut Object<'_>, key: &str, value: Option<Decimal>) {
    if let Some(value) = value {
        let _ = write!(o.key(key), "\"{value}\"");
    }
}

fn name(o: &mut Object<'_>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        o.str(key, value);
    }
}

fn time(o: &mut Object<'_>, key: &str, value: Option<i64>) {
    if let Some(value) = value {
        o.time(key, value);
    }
}

/// The same as [`ChargeEvent`] in the canonical format (contracts.md, "In"): what the projector
/// refuses is dead-lettered as this.
pub fn canonical(event: &ChargeEvent, out: &mut String) {
    let mut o = Object::open(out);
    decimal(&mut o, "amount", event.amount);
    if event.card_number_masked {
        o.key("cardNumberMasked").push_str("true");
    }
    name(&mut o, "chargeId", event.charge_id.as_deref());
    time(&mut o, "clearsAt", event.clears_at_ms);
    name(&mut o, "currency", event.currency.as_ref().map(Currency::code));
    name(&mut o, "description", event.description.as_deref());
    o.str("eventId", &event.identity.event_id);
    o.number("eventLine", event.identity.line);
    decimal(&mut o, "fee", event.fee);
    decimal(&mut o, "feeReturned", event.fee_returned);
    o.str("kind", event.kind.name());
    let _ = write!(o.key("livemode"), "{}", event.livemode);
    time(&mut o, "occurredAt", event.occurred_at_ms);
    name(&mut o, "orderId", event.order_id.as_deref());
    if let Some(points) = event.points_delta {
        o.number("pointsDelta", points);
    }
    name(&mut o, "productId", event.product.as_deref());
    name(&mut o, "provider", event.processor.as_deref());
    decimal(&mut o, "roundedSpend", event.rounded_spend);
    name(&mut o, "tier", event.tier.as_deref());
    name(&mut o, "transactionId", event.transaction.as_deref());
    o.str("userId", &event.user);
    o.close();
}

/// A spend event as `spend` takes it (contracts.md, "In").
pub fn canonical_spend(event: &SpendEvent, out: &mut String) {
    let mut o = Object::open(out);
    name(&mut o, "ad_id", event.ad.as_deref());
    name(&mut o, "adset_id", event.ad_set.as_deref());
    name(&mut o, "campaign_id", event.campaign.as_deref());
    name(&mut o, "currency", event.currency.as_ref().map(Currency::code));
    o.str("event_id", &event.event_id);
    let _ = write!(o.key("is_active"), "{}", event.is_active);
    o.time("occurred_at", event.occurred_at_ms);
    name(&mut o, "provider", event.platform.as_deref());
    decimal(&mut o, "spend_amount", Some(event.amount));
    o.number("version", event.version);
    o.close();
}
