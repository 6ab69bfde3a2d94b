//! Takes the API key off a request before anything else sees it.

use axum::extract::{FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::keys::Principal;
use crate::problem::Problem;
use crate::server::Shared;

const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
const KEY_PARAMETER: &str = "apiKey";

/// The key that a request came with. It has no `Debug`, so that no log can show it.
#[derive(Clone)]
pub(crate) struct Presented(pub(crate) Option<String>);

/// The outermost layer: moves the key from headers and query into a [`Presented`]. What runs
/// inside, spans and errors included, gets a request that no longer holds it.
pub(crate) async fn lift(mut request: Request, next: Next) -> Response {
    let from_headers = key_from_headers(request.headers());
    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(KEY_HEADER);
    let (uri, from_query) = split_query(request.uri());
    *request.uri_mut() = uri;
    request.extensions_mut().insert(Presented(from_headers.or(from_query)));
    next.run(request).await
}

fn key_from_headers(headers: &HeaderMap) -> Option<String> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    let plain = || headers.get(KEY_HEADER).and_then(|value| value.to_str().ok());
    bearer.or_else(plain).map(str::to_owned)
}

/// The URI without its key parameters, and the first of their values.
fn split_query(uri: &Uri) -> (Uri, Option<String>) {
    let Some(query) = uri.query() else {
        return (uri.clone(), None);
    };
    // The decoder skips empty segments; skipping them here too keeps the two lists in step.
    let segments = query.split('&').filter(|segment| !segment.is_empty());
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map_or_else(|_| Vec::new(), |q| q.0);
    let mut key = None;
    let mut kept = Vec::new();
    for (segment, (name, value)) in segments.zip(pairs) {
        if name == KEY_PARAMETER {
            key.get_or_insert(value);
        } else {
            kept.push(segment);
        }
    }
    let path_and_query =
        if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path_and_query).ok();
    // Cannot fail for parts of a valid URI; if it did, no query is better than a leaked key.
    (Uri::from_parts(parts).unwrap_or_default(), key)
}

impl FromRequestParts<Shared> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let presented = parts.extensions.get::<Presented>().and_then(|key| key.0.as_deref());
        match presented.filter(|key| !key.is_empty()) {
            None => Err(Problem::key_missing()),
            Some(key) => shared.keys.principal(key).ok_or_else(Problem::key_unknown),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_key_leaves_the_query() {
        for (before, after, key) in [
            ("/a", "/a", None),
            ("/a?from=1", "/a?from=1", None),
            ("/a?apiKey=s3", "/a", Some("s3")),
            ("/a?from=1&apiKey=s3&to=2", "/a?from=1&to=2", Some("s3")),
            ("/a?&&apiKey=s3&&to=2", "/a?to=2", Some("s3")),
            ("/a?%61piKey=s%2B3", "/a", Some("s+3")),
            ("/a?apiKey=one&apiKey=two", "/a", Some("one")),
            ("/a?apiKey", "/a", Some("")),
            ("/a?apiKey=s3&bad=%ff%zz", "/a?bad=%ff%zz", Some("s3")),
        ] {
            let (uri, found) = split_query(&before.parse().unwrap());
            assert_eq!(uri.to_string(), after, "{before}");
            assert_eq!(found.as_deref(), key, "{before}");
        }
    }
}
