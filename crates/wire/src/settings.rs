//! A project's settings as JSON: the value of a `settings` record, which is the project's TOML table (contracts.md).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use daybook_core::calendar::{DAY_MS, Zone};
use daybook_core::money::{Currency, minor, parse_decimal};
use daybook_core::name::{Name, is_valid_name};
use daybook_core::rejection::Reason;
use daybook_core::settings::{
    FeeSchedule, Partner, PartnerType, PaybackPolicy, RULES_VERSION, Rewards, Settings, SplitRule,
};
use rust_decimal::Decimal;

use crate::document::Document;
use crate::output::push_str;

/// Bound on `charges.history_max`: sums over a history must fit 64 bits.
const HISTORY_MAX: i64 = 4_000;
/// Bound on days: a century.
const DAYS_MAX: i64 = 36_525;

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if key.is_empty() { String::new() } else { format!("{key}: ") })]
pub struct SettingsFault {
    /// `settings_invalid` or `split_rule_invalid`.
    pub reason: Reason,
    /// The key at fault (`fees.stripe.percent`); empty where it is the whole.
    pub key: String,
    /// What it should be.
    pub message: String,
}

type Parsed<T> = Result<T, SettingsFault>;

fn invalid<T>(key: &str, message: impl Into<String>) -> Parsed<T> {
    Err(SettingsFault { reason: Reason::SettingsInvalid, key: key.into(), message: message.into() })
}

fn invalid_split<T>(key: &str, message: impl Into<String>) -> Parsed<T> {
    Err(SettingsFault { reason: Reason::SplitRuleInvalid, key: key.into(), message: message.into() })
}

/// Reads settings that a project is to have from now on. What was journalled before stays readable by [`parse`].
///
/// # Errors
/// As [`parse`]; where the processor is the project itself, which would take both sides of a posting; where a split rule
/// names a partner twice.
pub fn parse_of(project: &str, json: &[u8]) -> Parsed<Settings> {
    let settings = parse(json)?;
    if *settings.processor == *project {
        return invalid("processor", "must not be the project itself: it would be provider and processor");
    }
    for (r, rule) in settings.splits.iter().enumerate() {
        let key = |p: &Partner| (p.partner_type, p.name.clone());
        if rule.partners.iter().map(key).collect::<BTreeSet<_>>().len() < rule.partners.len() {
            return invalid_split(&format!("splits[{r}]"), "names a partner twice");
        }
    }
    Ok(settings)
}

/// Reads settings, whosever they are.
///
/// # Errors
/// [`SettingsFault`] for the first key that is unknown or has a value that it can't have.
pub fn parse(json: &[u8]) -> Parsed<Settings> {
    let Ok(document) = Document::parse(json) else { return invalid("", "is not one JSON document") };
    let mut settings = Settings::default();
    for (key, value) in members(&document, "")? {
        match key {
            "timezone" => {
                let name = string(value, key)?;
                match Zone::parse(name) {
                    Some(zone) => settings.zone = zone,
                    None => return invalid(key, format!("{name:?} is no time zone of the IANA database")),
                }
            }
            "currency" => settings.currency = Some(currency(string(value, key)?, key)?),
            "processor" => settings.processor = name(value, key)?,
            "fees" => {
                for (processor, value) in members(value, key)? {
                    let path = format!("fees.{processor}");
                    if !is_valid_name(processor) {
                        return invalid(&path, "is no name: 1 to 256 bytes without control characters");
                    }
                    settings.fees.insert(processor.into(), fee_schedule(value, &path)?);
                }
            }
            "rewards" => settings.rewards = rewards(value)?,
            "splits" => settings.splits = splits(value)?,
            "dedupe" => {
                for (name, value) in members(value, key)? {
                    match name {
                        "horizon_days" => {
                            settings.dedupe_horizon_ms = days(value, "dedupe.horizon_days")?;
                        }
                        _ => return unknown(&format!("dedupe.{name}"), "horizon_days"),
                    }
                }
            }
            "charges" => {
                for (name, value) in members(value, key)? {
                    let path = format!("charges.{name}");
                    match name {
                        "history_max" => {
                            let max = integer(value, &path, 1, HISTORY_MAX)?;
                            settings.charge_history_max = u32::try_from(max).unwrap_or(u32::MAX);
                        }
                        "refund_window_days" => settings.refund_window_ms = days(value, &path)?,
                        "chargeback_window_days" => settings.chargeback_window_ms = days(value, &path)?,
                        _ => {
                            return unknown(&path, "history_max, refund_window_days, chargeback_window_days");
                        }
                    }
                }
            }
            "rules_version" => {
                let version = integer(value, key, 1, RULES_VERSION.into())?;
                settings.rules_version = u32::try_from(version).unwrap_or(RULES_VERSION);
            }
            _ => {
                let known =
                    "timezone, currency, processor, fees, rewards, splits, dedupe, charges, rules_version";
                return unknown(key, known);
            }
        }
    }
    Ok(settings)
}

fn unknown<T>(key: &str, known: &str) -> Parsed<T> {
    invalid(key, format!("unknown key; known here: {known}"))
}

fn members<'a>(
    value: &'a Document<'_>,
    key: &str,
) -> Parsed<impl Iterator<Item = (&'a str, &'a Document<'a>)>> {
    match value {
        Document::Object(members) => Ok(members.iter().map(|(k, v)| (&**k, v))),
        _ => invalid(key, "must be a table"),
    }
}

fn string<'a>(value: &'a Document<'_>, key: &str) -> Parsed<&'a str> {
    match value {
        Document::String(s) => Ok(s),
        _ => invalid(key, "must be a string"),
    }
}

fn name(value: &Document<'_>, key: &str) -> Parsed<Name> {
    let text = string(value, key)?;
    if is_valid_name(text) {
        Ok(text.into())
    } else {
        invalid(key, "must be 1 to 256 bytes without control characters")
    }
}

fn currency(code: &str, key: &str) -> Parsed<Currency> {
    match Currency::parse(code) {
        Some(currency) => Ok(currency),
        None => invalid(key, format!("{code:?} is no ISO 4217 currency with a minor unit")),
    }
}

fn decimal(value: &Document<'_>, key: &str) -> Parsed<Decimal> {
    let Some(text) = value.text() else {
        return invalid(key, "must be a decimal number, best as a string");
    };
    match parse_decimal(text) {
        Ok(number) => Ok(number),
        Err(_) => invalid(key, format!("{text:?} is no decimal number of at most 15 digits")),
    }
}

fn integer(value: &Document<'_>, key: &str, min: i64, max: i64) -> Parsed<i64> {
    match value.text().and_then(|text| text.parse().ok()) {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ => invalid(key, format!("must be a whole number from {min} to {max}")),
    }
}

fn days(value: &Document<'_>, key: &str) -> Parsed<i64> {
    integer(value, key, 1, DAYS_MAX).map(|days| days * DAY_MS)
}

fn amounts(value: &Document<'_>, key: &str) -> Parsed<BTreeMap<Currency, Decimal>> {
    let mut amounts = BTreeMap::new();
    for (code, value) in members(value, key)? {
        let path = format!("{key}.{code}");
        let currency = currency(code, &path)?;
        let amount = decimal(value, &path)?;
        if minor(amount, currency).is_err() {
            let digits = currency.minor_digits();
            return invalid(&path, format!("must be 0 or more with at most {digits} digits after the point"));
        }
        amounts.insert(currency, amount);
    }
    Ok(amounts)
}

fn fee_schedule(value: &Document<'_>, path: &str) -> Parsed<FeeSchedule> {
    let mut schedule = FeeSchedule::default();
    for (key, value) in members(value, path)? {
        let path = format!("{path}.{key}");
        match key {
            "percent" => {
                schedule.percent = decimal(value, &path)?;
                if !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&schedule.percent) {
                    return invalid(&path, "must be 0 to 100");
                }
            }
            "fixed" => schedule.fixed = amounts(value, &path)?,
            "chargeback_fixed" => schedule.chargeback_fixed = amounts(value, &path)?,
            "payback" => {
                schedule.payback = match string(value, &path)? {
                    "none" => PaybackPolicy::None,
                    "proportional" => PaybackPolicy::Proportional,
                    "full" => PaybackPolicy::Full,
                    _ => return invalid(&path, "must be none, proportional or full"),
                }
            }
            _ => return unknown(&path, "percent, fixed, payback, chargeback_fixed"),
        }
    }
    Ok(schedule)
}

fn rewards(value: &Document<'_>) -> Parsed<Rewards> {
    let mut rewards = Rewards::default();
    for (key, value) in members(value, "rewards")? {
        let path = format!("rewards.{key}");
        match key {
            "step" => rewards.step = integer(value, &path, 1, 1_000_000)?,
            "default_tier" => rewards.default_tier = name(value, &path)?,
            "multipliers" => {
                rewards.multipliers.clear();
                for (tier, value) in members(value, &path)? {
                    let path = format!("{path}.{tier}");
                    if !is_valid_name(tier) {
                        return invalid(&path, "is no name");
                    }
                    rewards.multipliers.insert(tier.into(), integer(value, &path, 0, 1_000)?);
                }
            }
            _ => return unknown(&path, "step, default_tier, multipliers"),
        }
    }
    if !rewards.multipliers.contains_key(&rewards.default_tier) {
        let tier = &rewards.default_tier;
        return invalid("rewards.default_tier", format!("{tier:?} has no multiplier"));
    }
    Ok(rewards)
}

fn splits(value: &Document<'_>) -> Parsed<Vec<SplitRule>> {
    let Document::Array(rules) = value else { return invalid_split("splits", "must be an array of tables") };
    let mut splits: Vec<SplitRule> = Vec::new();
    for (r, rule) in rules.iter().enumerate() {
        let path = format!("splits[{r}]");
        let Some(Document::String(product)) = rule.get("product") else {
            return invalid_split(&format!("{path}.product"), "must name the product");
        };
        if !is_valid_name(product) || splits.iter().any(|s| *s.product == **product) {
            return invalid_split(&format!("{path}.product"), "must be a name that no other rule has");
        }
        let Some(Document::Array(listed)) = rule.get("partners") else {
            return invalid_split(&format!("{path}.partners"), "must be an array of partners");
        };
        if let Document::Object(members) = rule
            && let Some((key, _)) = members.iter().find(|(k, _)| k != "product" && k != "partners")
        {
            return invalid_split(&format!("{path}.{key}"), "unknown key; known here: product, partners");
        }
        let mut partners = Vec::new();
        for (p, listed) in listed.iter().enumerate() {
            partners.push(partner(listed, &format!("{path}.partners[{p}]"))?);
        }
        if partners.iter().filter(|p: &&Partner| p.partner_type == PartnerType::Owner).count() > 1 {
            return invalid_split(&path, "has more than one owner");
        }
        if partners.iter().map(|p| p.percentage).sum::<Decimal>() > Decimal::ONE {
            return invalid_split(&path, "has percentages that add up to more than 1");
        }
        splits.push(SplitRule { product: (&**product).into(), partners });
    }
    Ok(splits)
}

/// Digits of a percentage after the point: an amount times a share must fit 128 bits.
const PERCENTAGE_DIGITS_MAX: u32 = 15;

fn partner(value: &Document<'_>, path: &str) -> Parsed<Partner> {
    let split = |fault: SettingsFault| SettingsFault { reason: Reason::SplitRuleInvalid, ..fault };
    let (mut partner_type, mut partner_name, mut percentage) = (None, None, None);
    for (key, value) in members(value, path).map_err(split)? {
        let path = format!("{path}.{key}");
        match key {
            "type" => {
                let text = string(value, &path).map_err(split)?;
                partner_type = PartnerType::ALL.into_iter().find(|t| t.name() == text);
                if partner_type.is_none() {
                    return invalid_split(&path, "must be owner, coproducer or affiliate");
                }
            }
            "name" => partner_name = Some(name(value, &path).map_err(split)?),
            "percentage" => {
                let share = decimal(value, &path).map_err(split)?;
                if !(Decimal::ZERO..=Decimal::ONE).contains(&share) {
                    return invalid_split(&path, "must be 0 to 1 (0.3 is 30 %)");
                }
                if share.scale() > PERCENTAGE_DIGITS_MAX {
                    return invalid_split(&path, "must have at most 15 digits after the point");
                }
                percentage = Some(share);
            }
            _ => return invalid_split(&path, "unknown key; known here: type, name, percentage"),
        }
    }
    match (partner_type, partner_name, percentage) {
        (Some(partner_type), Some(name), Some(percentage)) => Ok(Partner { partner_type, name, percentage }),
        _ => invalid_split(path, "must have type, name and percentage"),
    }
}

/// Settings as JSON that [`parse`] reads back, keys sorted, every value written out.
#[must_use]
pub fn to_json(settings: &Settings) -> String {
    let mut out = String::from("{");
    let _ = write!(
        out,
        "\"charges\":{{\"chargeback_window_days\":{},\"history_max\":{},\"refund_window_days\":{}}}",
        settings.chargeback_window_ms / DAY_MS,
        settings.charge_history_max,
        settings.refund_window_ms / DAY_MS,
    );
    if let Some(currency) = settings.currency {
        let _ = write!(out, ",\"currency\":\"{currency}\"");
    }
    let _ = write!(out, ",\"dedupe\":{{\"horizon_days\":{}}}", settings.dedupe_horizon_ms / DAY_MS);
    out.push_str(",\"fees\":{");
    comma_separated(&mut out, settings.fees.iter(), |out, (processor, schedule)| {
        push_str(out, processor);
        out.push_str(":{\"chargeback_fixed\":{");
        amounts_to_json(out, &schedule.chargeback_fixed);
        out.push_str("},\"fixed\":{");
        amounts_to_json(out, &schedule.fixed);
        let payback = match schedule.payback {
            PaybackPolicy::None => "none",
            PaybackPolicy::Proportional => "proportional",
            PaybackPolicy::Full => "full",
        };
        let _ = write!(out, "}},\"payback\":\"{payback}\",\"percent\":\"{}\"}}", schedule.percent);
    });
    out.push_str("},\"processor\":");
    push_str(&mut out, &settings.processor);
    out.push_str(",\"rewards\":{\"default_tier\":");
    push_str(&mut out, &settings.rewards.default_tier);
    out.push_str(",\"multipliers\":{");
    comma_separated(&mut out, settings.rewards.multipliers.iter(), |out, (tier, multiplier)| {
        push_str(out, tier);
        let _ = write!(out, ":{multiplier}");
    });
    let _ = write!(
        out,
        "}},\"step\":{}}},\"rules_version\":{},\"splits\":[",
        settings.rewards.step, settings.rules_version
    );
    comma_separated(&mut out, settings.splits.iter(), |out, rule| {
        out.push_str("{\"partners\":[");
        comma_separated(out, rule.partners.iter(), |out, partner| {
            out.push_str("{\"name\":");
            push_str(out, &partner.name);
            let partner_type = partner.partner_type.name();
            let _ = write!(out, ",\"percentage\":\"{}\",\"type\":\"{partner_type}\"}}", partner.percentage);
        });
        out.push_str("],\"product\":");
        push_str(out, &rule.product);
        out.push('}');
    });
    let _ = write!(out, "],\"timezone\":\"{}\"}}", settings.zone.name());
    out
}

fn amounts_to_json(out: &mut String, amounts: &BTreeMap<Currency, Decimal>) {
    comma_separated(out, amounts.iter(), |out, (currency, amount)| {
        let _ = write!(out, "\"{currency}\":\"{amount}\"");
    });
}

fn comma_separated<T>(
    out: &mut String,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, item);
    }
}
