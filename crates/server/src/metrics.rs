//! What is measured and logged of each request, and `/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};
use tracing::Instrument;

use crate::admin::Operator;
use crate::problem::Problem;
use crate::server::Shared;

/// Paths come from anybody; log lines stay bounded.
const PATH_BYTES_LOGGED_MAX: usize = 256;

/// Requests by route template, never by raw path: labels stay few whatever is asked for.
pub(crate) struct HttpMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let requests = IntCounterVec::new(
            Opts::new("daybook_http_requests_total", "HTTP requests answered."),
            &["route", "method", "status"],
        )?;
        let duration = HistogramVec::new(
            HistogramOpts::new(
                "daybook_http_request_duration_seconds",
                "Time from a request's head to its answer's head.",
            ),
            &["route"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        Ok(Self { requests, duration })
    }
}

/// Counts, times and logs each request. It runs inside [`crate::credentials::lift`], and logs the
/// path without its query all the same.
pub(crate) async fn observe(
    State(metrics): State<Arc<HttpMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = method_label(request.method());
    let path = request.uri().path();
    let path = path.get(..PATH_BYTES_LOGGED_MAX).unwrap_or(path);
    let span = tracing::info_span!("http_request", method, path);

    let response = next.run(request).instrument(span.clone()).await;

    let status = response.status();
    metrics.requests.with_label_values(&[route.as_str(), method, status.as_str()]).inc();
    metrics.duration.with_label_values(&[route.as_str()]).observe(started.elapsed().as_secs_f64());
    span.in_scope(|| match status.as_u16() {
        500.. => tracing::warn!(route, status = status.as_u16(), "request failed"),
        400..500 => tracing::info!(route, status = status.as_u16(), "request refused"),
        _ => tracing::debug!(route, status = status.as_u16(), "request answered"),
    });
    response
}

/// Methods are free text in HTTP; a label may have only known values.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Figures of all projects, by their names: an operator's.
pub(crate) async fn metrics(State(shared): State<Shared>, _: Operator) -> Result<Response, Problem> {
    let text = TextEncoder::new().encode_to_string(&shared.registry.gather()).map_err(|error| {
        tracing::warn!(%error, "failed to encode metrics");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The metrics can't be written as text.")
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}
