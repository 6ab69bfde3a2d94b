//! JSON documents as intake must read them.

use std::collections::HashSet;

use serde_json::Value;

/// A document, if it is well-formed: UTF-8, one value, no object with the same key twice, no NUL.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    let text = str::from_utf8(bytes).ok()?;
    let value = serde_json::from_str(text).ok()?;
    let strict = !has_nul(&value) && !has_duplicate_key(text);
    strict.then_some(value)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            fields.any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether an object of a well-formed document has the same key twice. The parser keeps the last
/// of them and doesn't tell, so this goes over the text: a string with a colon after it is a key.
fn has_duplicate_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut keys: Vec<HashSet<String>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => keys.push(HashSet::new()),
            b'}' | b']' => {
                keys.pop();
            }
            b'"' => {
                let end = string_end(bytes, at);
                let is_key = text[end..].trim_start().starts_with(':');
                let string = &text[at..end];
                at = end;
                if is_key
                    && let Some(keys) = keys.last_mut()
                    && let Ok(key) = serde_json::from_str(string)
                    && !keys.insert(key)
                {
                    return true;
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// The place after the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn documents_are_strict() {
        for (text, well_formed) in [
            (r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#, true),
            (r#"{"a":"a\":","b":"\"a\":"}"#, true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"[{"b":{"a":1,"c":[],"\u0061":2}}]"#, false),
            (r#"{"a":"\u0000"}"#, false),
            (r#"{"a":NaN}"#, false),
            (r#"{"a":1} {}"#, false),
            (r#"{"a":01}"#, false),
            (r#"{"a":1e400}"#, true),
            ("", false),
        ] {
            assert_eq!(parse(text.as_bytes()).is_some(), well_formed, "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), None);
    }

    #[test]
    fn numbers_keep_their_text() {
        let value = parse(b"10.50e-20").expect("well-formed");
        assert_eq!(value.to_string(), "10.50e-20");
    }
}
