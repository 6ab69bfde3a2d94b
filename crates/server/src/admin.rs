//! Operators' routes: settings into the log, its topics out of it as they are, and records back into its inputs.

use std::panic::resume_unwind;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::extract::{is_name, path_parameter};
use crate::gateway::{RecordsError, SettingsError, TopicError, TopicPage, TopicRecord};
use crate::keys::Principal;
use crate::problem::Problem;
use crate::query::Parameters;
use crate::server::Shared;
use crate::track::{read_in_time, refuse_unread, unavailable};

const RECORDS_DEFAULT: usize = 1_000;
const RECORDS_MAX: usize = 5_000;
/// Records that are put back travel as base64; the largest dead letter has 16 MiB.
const APPENDED_BYTES_MAX: usize = 32 << 20;

/// Whoever presented an operator's key.
pub(crate) struct Operator;

impl FromRequestParts<Shared> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, shared).await?;
        if principal.is_operator() { Ok(Self) } else { Err(Problem::operators_only()) }
    }
}

#[derive(Serialize)]
struct Applied {
    project: String,
}

/// Takes a project's settings; `202` once they are durable.
pub(crate) async fn apply_settings(
    State(shared): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let project = match named_project(&mut parts, &shared).await {
        Ok(project) => project,
        Err(problem) => return Err(refuse_unread(problem, body).await),
    };
    let json = read_in_time(body, shared.body_bytes_max).await?;
    shared.gateway.apply_settings(&project, json).await.map_err(|error| match error {
        SettingsError::Invalid { reason, key, message } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason, message).with_key(key)
        }
        SettingsError::Gateway(error) => unavailable(error),
    })?;
    Ok((StatusCode::ACCEPTED, Json(Applied { project })).into_response())
}

async fn named_project(parts: &mut Parts, shared: &Shared) -> Result<String, Problem> {
    Operator::from_request_parts(parts, shared).await?;
    let project = path_parameter(parts, "project").await?;
    if is_name(&project) { Ok(project) } else { Err(Problem::project_invalid()) }
}

#[derive(Serialize)]
struct RecordsView<'a> {
    topic: &'a str,
    end: u64,
    next: u64,
    records: Vec<RecordView>,
}

/// A record as it is in the log. Keys, values and headers are bytes, so they travel as base64.
#[derive(Serialize)]
struct RecordView {
    offset: u64,
    timestamp_ms: Option<i64>,
    key: String,
    value: String,
    headers: Vec<(String, String)>,
}

impl From<TopicRecord> for RecordView {
    fn from(record: TopicRecord) -> Self {
        let headers = record.headers.into_iter().map(|(name, value)| (name, BASE64.encode(value)));
        Self {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: BASE64.encode(record.key),
            value: BASE64.encode(record.value),
            headers: headers.collect(),
        }
    }
}

/// Records as [`topic_records`] shows them.
#[derive(Deserialize)]
struct Appended {
    records: Vec<AppendedRecord>,
}

#[derive(Deserialize)]
struct AppendedRecord {
    #[serde(default)]
    timestamp_ms: Option<i64>,
    #[serde(default)]
    key: String,
    value: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Serialize)]
struct AppendedView {
    appended: usize,
}

impl TryFrom<AppendedRecord> for TopicRecord {
    type Error = base64::DecodeError;

    fn try_from(record: AppendedRecord) -> Result<Self, Self::Error> {
        let headers = record.headers.into_iter().map(|(name, value)| Ok((name, BASE64.decode(value)?)));
        Ok(Self {
            offset: 0,
            timestamp_ms: record.timestamp_ms,
            key: BASE64.decode(record.key)?,
            value: BASE64.decode(record.value)?,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }
}

/// Takes records for an input topic, as dead letters are put back; `202` once they are durable.
pub(crate) async fn append_records(
    State(shared): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let topic = match named_topic(&mut parts, &shared).await {
        Ok(topic) => topic,
        Err(problem) => return Err(refuse_unread(problem, body).await),
    };
    let json = read_in_time(body, APPENDED_BYTES_MAX).await?;
    let records = read_records(&json).map_err(|error| {
        let detail = format!("The body is not records as this address shows them: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    })?;
    let appended = records.len();
    shared.gateway.append_records(&topic, records).await.map_err(|error| match error {
        RecordsError::Unknown => unreadable(TopicError::Unknown),
        RecordsError::NotInput => {
            let detail = "Only inputs take records from outside; the product alone writes to this topic.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "topic_not_input", detail)
        }
        RecordsError::Gateway(error) => unavailable(error),
    })?;
    Ok((StatusCode::ACCEPTED, Json(AppendedView { appended })).into_response())
}

async fn named_topic(parts: &mut Parts, shared: &Shared) -> Result<String, Problem> {
    Operator::from_request_parts(parts, shared).await?;
    path_parameter(parts, "topic").await
}

fn read_records(json: &[u8]) -> Result<Vec<TopicRecord>, String> {
    let appended: Appended = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let records = appended.records.into_iter().map(TopicRecord::try_from);
    records.collect::<Result<_, _>>().map_err(|e| e.to_string())
}

/// The `{topic}` of the address.
pub(crate) struct TopicName(String);

impl FromRequestParts<Shared> for TopicName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        path_parameter(parts, "topic").await.map(Self)
    }
}

/// A page of a topic's records, as a consumer would read them.
pub(crate) async fn topic_records(
    State(shared): State<Shared>,
    _: Operator,
    TopicName(topic): TopicName,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let from = parameters.offset("from")?;
    let limit = parameters.limit(RECORDS_DEFAULT, RECORDS_MAX)?;
    let read = move || {
        let TopicPage { end, next, records } = shared.gateway.read(&topic, from, limit)?;
        let records = records.into_iter().map(RecordView::from).collect();
        serde_json::to_vec(&RecordsView { topic: &topic, end, next, records })
            .map_err(|error| TopicError::Failed(error.to_string()))
    };
    let json = match tokio::task::spawn_blocking(read).await {
        Ok(json) => json,
        Err(error) => match error.try_into_panic() {
            // The layer that answers for panics does so for this one.
            Ok(panic) => resume_unwind(panic),
            Err(cancelled) => Err(TopicError::Failed(cancelled.to_string())),
        },
    };
    let json = json.map_err(unreadable)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], Bytes::from(json)).into_response())
}

fn unreadable(error: TopicError) -> Problem {
    match error {
        TopicError::Unknown => {
            Problem::new(StatusCode::NOT_FOUND, "topic_unknown", "The log has no topic of this name.")
        }
        TopicError::Elsewhere => {
            let detail = "This instance's topics are in Kafka; any consumer reads them there.";
            Problem::new(StatusCode::NOT_FOUND, "topics_in_kafka", detail)
        }
        TopicError::Failed(cause) => {
            tracing::warn!(%cause, "failed to read the log");
            let detail = "The log can't be read now.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "log_unavailable", detail)
        }
    }
}
