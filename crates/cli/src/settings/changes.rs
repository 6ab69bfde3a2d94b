//! What changes from one version of a project's settings to another, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use daybook_core::settings::Settings;
use daybook_wire::settings::to_json;
use serde_json::Value;

/// A key whose value changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} -> {after}", self.key),
            (None, after) => write!(f, "{}: {} (new)", self.key, after.as_deref().unwrap_or_default()),
            (Some(before), None) => write!(f, "{}: {before} (removed)", self.key),
        }
    }
}

/// The keys whose values differ, defaults included, in alphabetical order.
pub fn changes(before: &Settings, after: &Settings) -> Vec<Change> {
    let (before, after) = (values(before), values(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |key: &String| Change {
        key: key.clone(),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
    };
    keys.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Every value by its key as settings files spell it; rules of splits by their product.
fn values(settings: &Settings) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    // Written by this program: it can be read.
    let json = serde_json::from_str(&to_json(settings)).unwrap_or_default();
    flatten("", &json, &mut values);
    values
}

fn flatten(key: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let join = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| flatten(&join(name), value, out));
        }
        Value::Array(rules) if key == "splits" => {
            for rule in rules {
                let product = rule["product"].as_str().unwrap_or_default();
                flatten(&join(product), &rule["partners"], out);
            }
        }
        // Their order counts: it decides ties.
        Value::Array(partners) => {
            let partner = |p: &Value| {
                let text = |name: &str| p[name].as_str().unwrap_or_default().to_owned();
                format!("{} {} {}", text("type"), text("name"), text("percentage"))
            };
            out.insert(key.to_owned(), partners.iter().map(partner).collect::<Vec<_>>().join(", "));
        }
        Value::String(text) => {
            out.insert(key.to_owned(), text.clone());
        }
        other => {
            out.insert(key.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use daybook_core::settings::Settings;
    use daybook_wire::settings::parse;

    use super::changes;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let read = |text: &str| match text {
            "" => Settings::default(),
            text => parse(text.as_bytes()).expect("settings"),
        };
        let changed = changes(&read(before), &read(after));
        assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn keys_that_change_and_no_others() {
        check("", "{}", &[]);
        check("", r#"{"timezone":"UTC"}"#, &[]);
        check("", r#"{"currency":"USD"}"#, &["currency: USD (new)"]);
        check(r#"{"currency":"USD"}"#, r#"{"currency":"EUR"}"#, &["currency: USD -> EUR"]);
        check(r#"{"currency":"USD"}"#, "{}", &["currency: USD (removed)"]);
        check("", r#"{"dedupe":{"horizon_days":30}}"#, &["dedupe.horizon_days: 400 -> 30"]);
        check(
            r#"{"fees":{"stripe":{"percent":"2.9"}}}"#,
            r#"{"fees":{"stripe":{"percent":"3.10","fixed":{"USD":"0.30"}}}}"#,
            &["fees.stripe.fixed.USD: 0.3 (new)", "fees.stripe.percent: 2.9 -> 3.1"],
        );
        let ana = r#"{"type":"coproducer","name":"Ana","percentage":"0.3"}"#;
        let bo = r#"{"type":"affiliate","name":"Bo","percentage":"0.1"}"#;
        let rule = |partners: &str| format!(r#"{{"splits":[{{"product":"p17","partners":[{partners}]}}]}}"#);
        check("", &rule(ana), &["splits.p17: coproducer Ana 0.3 (new)"]);
        check(
            &rule(&format!("{ana},{bo}")),
            &rule(&format!("{bo},{ana}")),
            &["splits.p17: coproducer Ana 0.3, affiliate Bo 0.1 -> affiliate Bo 0.1, coproducer Ana 0.3"],
        );
    }
}
