//! What is measured and logged of each request, and `/metrics`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use daybook_metrics::{Label, Metric, metrics};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry, TEXT_FORMAT, TextEncoder};
use tracing::Instrument;

use crate::admin::Operator;
use crate::health::Health;
use crate::problem::Problem;
use crate::read_model::{AGES, ReadModel, TOPICS};
use crate::server::Shared;
use crate::trace::{trace_id, traceparent};

/// Paths come from anybody; log lines stay bounded.
const PATH_BYTES_LOGGED_MAX: usize = 256;

/// Answers come after a sync: from a look at memory to a disk or broker that hangs.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", METHOD_OTHER];
const METHOD_OTHER: &str = "other";
const ROUTE: Label = Label::each("route", "routes");

metrics! {
    REQUESTS = Metric::counter(
        "daybook_http_requests_total",
        "requests",
        "HTTP requests answered, by the route's template; unmatched: of no route",
    )
    .by(&[ROUTE, Label::fixed("method", || METHODS.to_vec()), Label::each("status", "statuses")]);
    DURATION = Metric::seconds(
        "daybook_http_request_duration_seconds",
        BUCKETS,
        "Time from a request's head to its answer's head",
    )
    .by(&[ROUTE]);
    READY = Metric::gauge("daybook_ready", "boolean", "1 where /readyz answers 200, else 0");
    pub(crate) MALFORMED = Metric::counter(
        "daybook_query_malformed_total",
        "records",
        "Output records that the read model could not read",
    )
    .by(&[Label::fixed("topic", || TOPICS.to_vec())]);
    UNCLEARED = Metric::gauge(
        "daybook_uncleared_minor",
        "minor units",
        "Billed and not yet paid, by the age of the day of purchase: pending_revenue_minor of the rows of kpis.daily",
    )
    .by(&[
        Label::each("project", "projects, which whoever may write to charges can name"),
        Label::each("currency", "currencies"),
        Label::fixed("age", || AGES.map(|(name, _)| name).to_vec()),
    ]);
}

/// What is looked up when somebody asks for it.
pub(crate) struct OnScrape {
    pub(crate) health: Arc<dyn Health>,
    pub(crate) books: Arc<ReadModel>,
    pub(crate) descriptions: Vec<Desc>,
}

impl OnScrape {
    pub(crate) fn register(
        health: &Arc<dyn Health>,
        books: &Arc<ReadModel>,
        registry: &Registry,
    ) -> prometheus::Result<()> {
        let empty = Self::gauges()?;
        let of = |collector: &dyn Collector| collector.desc().into_iter().cloned().collect::<Vec<_>>();
        let descriptions = [of(&empty.0), of(&empty.1)].concat();
        let (health, books) = (Arc::clone(health), Arc::clone(books));
        registry.register(Box::new(Self { health, books, descriptions }))
    }

    fn gauges() -> prometheus::Result<(IntGauge, IntGaugeVec)> {
        Ok((
            IntGauge::with_opts(READY.opts())?,
            IntGaugeVec::new(UNCLEARED.opts(), &UNCLEARED.label_names())?,
        ))
    }
}

/// The day in UTC.
fn today() -> Date {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_zoned(TimeZone::UTC).date()
}

impl Collector for OnScrape {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // It could be made once; so it can be made again.
        let Ok((ready, uncleared)) = Self::gauges() else { return Vec::new() };
        ready.set(self.health.ready().is_ok().into());
        for ((project, currency, age), minor) in self.books.uncleared(today()) {
            uncleared.with_label_values(&[&*project, &*currency, age]).set(minor);
        }
        // An empty family is none, and breaks the text.
        let families = [ready.collect(), uncleared.collect()].concat();
        families.into_iter().filter(|family| !family.get_metric().is_empty()).collect()
    }
}

/// Requests by route template, never by raw path: labels stay few whatever is asked for.
pub(crate) struct HttpMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            requests: REQUESTS.register_counters(registry)?,
            duration: DURATION.register_histograms(registry)?,
        })
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
    let traceparent = traceparent(request.headers());
    let trace_id = traceparent.as_deref().map(trace_id);
    let span = tracing::info_span!("http_request", method, path, trace_id);

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
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or(METHOD_OTHER)
}

/// Figures of all projects, by their names: an operator's.
pub(crate) async fn metrics(State(shared): State<Shared>, _: Operator) -> Result<Response, Problem> {
    let text = TextEncoder::new().encode_to_string(&shared.registry.gather()).map_err(|error| {
        tracing::warn!(%error, "failed to encode metrics");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The metrics can't be written as text.")
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}
