//! The dashboard's static files.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::credentials::Presented;
use crate::keys::page_token;
use crate::problem::{Problem, route_unknown};
use crate::server::Shared;

/// Everything the page needs comes from here: no other host is ever asked.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// One cookie per key, so that several daybooks on one host don't sign each other's pages out.
const COOKIE_PREFIX: &str = "daybook_page_";
const COOKIE_TOKEN_BYTES_IN_NAME: usize = 8;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The page itself. It holds no figures: its script asks the API for them with the key, which
/// the cookie set here is not.
pub(crate) async fn index(
    State(shared): State<Shared>,
    Extension(presented): Extension<Presented>,
    headers: HeaderMap,
) -> Response {
    let refusal = match presented.0.as_deref().filter(|key| !key.is_empty()) {
        Some(key) if shared.keys.principal(key).is_some() => {
            return with_cookie(html("index.html", StatusCode::OK), key);
        }
        Some(_) => Problem::key_unknown(),
        None if has_cookie(&shared, &headers) => {
            return html("index.html", StatusCode::OK);
        }
        None => Problem::key_missing(),
    };
    if wants_html(&headers) { html("signin.html", StatusCode::UNAUTHORIZED) } else { refusal.into_response() }
}

/// A script, style sheet or image of the page.
pub(crate) async fn asset(
    State(shared): State<Shared>,
    Extension(presented): Extension<Presented>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let by_key = presented.0.is_some_and(|key| shared.keys.principal(&key).is_some());
    if by_key || has_cookie(&shared, &headers) {
        match Assets::get(&path) {
            Some(file) => answer(file, &headers),
            None => route_unknown(Method::GET).await.into_response(),
        }
    } else {
        Problem::key_missing().into_response()
    }
}

/// Headers that every answer carries.
pub(crate) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // The page's first address may hold a key.
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page. It is never cached: without its key it must not be shown again.
fn html(name: &str, status: StatusCode) -> Response {
    match Assets::get(name) {
        Some(file) => {
            let content_type = (header::CONTENT_TYPE, "text/html; charset=utf-8");
            (status, [content_type], file.data.into_owned()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hex}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let content_type = file.metadata.mimetype().to_owned();
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::ETAG, etag),
            (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        ],
        file.data.into_owned(),
    )
        .into_response()
}

fn with_cookie(mut response: Response, key: &str) -> Response {
    let token = page_token(key);
    let name: String = token.chars().take(COOKIE_TOKEN_BYTES_IN_NAME).collect();
    let cookie = format!("{COOKIE_PREFIX}{name}={token}; Path=/; HttpOnly; SameSite=Lax");
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn has_cookie(shared: &Shared, headers: &HeaderMap) -> bool {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| name.starts_with(COOKIE_PREFIX))
        .any(|(_, token)| shared.keys.page_principal(token).is_some())
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
