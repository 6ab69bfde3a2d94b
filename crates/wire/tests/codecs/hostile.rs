//! Records of ten megabytes: whatever is in them, reading takes time in proportion.

use std::time::{Duration, Instant};

use daybook_core::money::Currency;
use daybook_wire::input::{Context, decode};

const BYTES: usize = 10_000_000;

/// Reads a record of one part again and again. The bound is far above what it takes, and far below what anything
/// quadratic would.
fn check_of(bytes: usize, name: &str, before: &str, part: impl Fn(usize) -> String, after: &str) {
    let mut value = before.to_owned();
    let mut i = 0;
    while value.len() < bytes {
        value.push_str(&part(i));
        i += 1;
    }
    value.push_str(after);
    let start = Instant::now();
    let items = decode(
        value.as_bytes(),
        Context { currency_of: Some(&|_| Currency::parse("USD")), own_letter: false },
    );
    let took = start.elapsed();
    assert!(!items.is_empty() && took < Duration::from_secs(20), "{name}: {} items in {took:?}", items.len());
}

fn check(name: &str, before: &str, part: impl Fn(usize) -> String, after: &str) {
    check_of(BYTES, name, before, part, after);
}

#[test]
fn ten_megabytes_of_anything() {
    let (before, after) = (r#"{"track":[{"name":"Charge","payload":[0"#, "]}]}");
    check("items of different ids", before, |i| format!(r#",{{"eventId":"e{i}"}}"#), after);
    check("items of one id", before, |_| r#",{"eventId":"e"}"#.to_owned(), after);
    // Each of them is a refusal with a path of its own, so a fifth of the bytes will do.
    check_of(BYTES / 5, "empty items", before, |_| ",{}".to_owned(), after);
    check("elements", r#"{"track":[0"#, |_| r#",{"name":"Refund","payload":[0]}"#.to_owned(), "]}");
    check("keys", r#"{"track":[],"k":0"#, |i| format!(r#","k{i}":0"#), "}");
    check("a long number", r#"{"track":[],"k":1"#, |_| "0000000000".to_owned(), "}");
    let described = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e","userId":"u","data":{"status":"succeeded","currency":"USD","amount":1,"description":""#;
    check("digits", described, |_| "4242424242424242".to_owned(), r#""}}]}]}"#);
    check("digits and spaces", described, |_| "4 2 4 2 ".to_owned(), r#""}}]}]}"#);
    check("card numbers", described, |_| "4242424242424242 ".to_owned(), r#""}}]}]}"#);
    let amount = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e","userId":"u","data":{"status":"succeeded","currency":"USD","amount":1"#;
    check("a long amount", amount, |_| "0000000000".to_owned(), "}}]}]}");
    check("a long fraction", &format!("{amount}.0"), |_| "0000000001".to_owned(), "}}]}]}");
}
