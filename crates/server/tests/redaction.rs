//! No key is ever in a log, an error, a metric or a span.

#![allow(clippy::unwrap_used)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use support::{ACME_KEY, Log, OPERATOR_KEY, Rig};
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn keys_are_nowhere() {
    const WRONG_KEY: &str = "wrong-key-55d0";
    let capture = Capture::default();
    let writer = capture.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let rig = Rig::start();
    let mut seen = String::new();
    for log in [Log::Durable, Log::Unavailable] {
        *rig.gateway.log.lock().unwrap() = log;
        for key in [ACME_KEY, OPERATOR_KEY, WRONG_KEY] {
            let bearer = format!("Bearer {key}");
            let query = format!("?apiKey={key}&x=1");
            let encoded = format!("?x=%ff&%61piKey={key}");
            for path in [
                "/acme-org/projects/acme/sources/shop/track",
                "/acme-org/projects/ac~me/sources/shop/track",
                "/other-org/projects/other/sources/shop/track",
                "/",
                "/nothing",
                "/api/v1/projects/acme/entries",
                "/api/v1/topics/broken/records",
                "/assets/app.css",
            ] {
                for (suffix, headers) in [
                    (query.as_str(), vec![]),
                    (encoded.as_str(), vec![]),
                    ("", vec![("x-api-key", key)]),
                    ("", vec![("authorization", bearer.as_str())]),
                ] {
                    for body in ["accepted", "amount_missing", "panic"] {
                        let answer = rig.post(&format!("{path}{suffix}"), &headers, body);
                        seen.push_str(&format!("{answer:?}"));
                    }
                    let answer = rig.get(&format!("{path}{suffix}"), &headers);
                    seen.push_str(&format!("{answer:?}"));
                }
            }
        }
    }
    seen.push_str(&rig.query("/metrics").body);
    let log = String::from_utf8(capture.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/acme-org/projects/acme/sources/shop/track"), "{log}");
    // The client of this test logs too; what it says of its own requests is not the server's.
    let log: String = log.lines().filter(|line| !line.contains("ureq")).collect();
    assert!(log.contains("http_request") && log.contains("broker 3 is gone"));
    for key in [ACME_KEY, OPERATOR_KEY, WRONG_KEY] {
        assert!(!log.contains(key), "a key is in the log");
        assert!(!seen.contains(key), "a key is in an answer");
    }
}
