//! W3C trace context of requests.

use axum::http::HeaderMap;

/// The `traceparent` of a request, if it is one of W3C version 00.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let fields: Vec<&str> = value.split('-').collect();
    let is_hex = |field: &&str| field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = matches!(fields[..], ["00", trace, parent, flags]
        if trace.len() == 32 && parent.len() == 16 && flags.len() == 2)
        && fields.iter().all(is_hex);
    well_formed.then(|| value.to_owned())
}

/// The trace that a well-formed `traceparent` belongs to: 32 hex digits.
pub(crate) fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_traceparents_travel() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (value, kept) in [
            (good, true),
            ("", false),
            ("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-0af7-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00", false),
        ] {
            let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(traceparent(&headers).is_some(), kept, "{value}");
        }
        assert_eq!(trace_id(good), "0af7651916cd43dd8448eb211c80319c");
    }
}
