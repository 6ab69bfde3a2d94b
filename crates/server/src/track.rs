//! The Track API: bodies in, `202` once they are durable.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::extract::{is_name, path_parameter};
use crate::gateway::{GatewayError, GatewayRecord, RejectedItem, Validation};
use crate::keys::Principal;
use crate::problem::{Problem, Rejected};
use crate::server::Shared;
use crate::trace::traceparent;

/// A sender that is slower than this holds a place that others need.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How much of a too large body is read and dropped before it is refused: a connection closed
/// under a client that is still sending loses the answer.
const BODY_BYTES_DRAINED_MAX: usize = 16 * 1024 * 1024;
/// The same for a request that is refused whatever its body says.
const UNREAD_BYTES_MAX: usize = 64 * 1024;
const UNREAD_TIME_MAX: Duration = Duration::from_secs(1);
const RETRY_AFTER_SECONDS: u32 = 1;

#[derive(Serialize)]
struct Accepted<'a> {
    accepted: u32,
    rejected: Vec<Rejected<'a>>,
}

/// Where a body goes.
struct Target {
    project: String,
    source: String,
}

impl FromRequestParts<Shared> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, shared).await?;
        let organization = path_parameter(parts, "organization").await?;
        let project = path_parameter(parts, "project").await?;
        let source = path_parameter(parts, "source").await?;
        for (what, reason, name) in [
            ("organization", "field_invalid", &organization),
            ("project", "project_invalid", &project),
            ("source", "field_invalid", &source),
        ] {
            if !is_name(name) {
                let detail = format!("The {what} must be 1 to 64 of A-Z a-z 0-9 . _ -");
                return Err(Problem::new(StatusCode::BAD_REQUEST, reason, detail));
            }
        }
        if principal.may_post(&organization, &project) {
            Ok(Self { project, source })
        } else {
            Err(Problem::key_forbidden())
        }
    }
}

pub(crate) async fn track(State(shared): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let target = match Target::from_request_parts(&mut parts, &shared).await {
        Ok(target) => target,
        Err(problem) => return Err(refuse_unread(problem, body).await),
    };
    let body = read_in_time(body, shared.body_bytes_max).await?;

    let validation = shared.gateway.validate(&target.project, &body);
    // A body of which nothing is accepted is appended too: it becomes a dead letter, with its
    // reason, where the project's other dead letters are.
    let record = GatewayRecord {
        project: target.project,
        source: target.source,
        body,
        traceparent: traceparent(&parts.headers),
    };
    shared.gateway.append(record).await.map_err(unavailable)?;

    if validation.accepted > 0 { Ok(accepted(&validation)) } else { Err(refused(validation.rejected)) }
}

/// Reads a body whole.
pub(crate) async fn read_in_time(body: Body, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let read = read(body, bytes_max, bytes_max.saturating_add(BODY_BYTES_DRAINED_MAX));
    tokio::time::timeout(BODY_TIME_MAX, read).await.unwrap_or_else(|_| {
        let detail = format!("The body took longer than {} s.", BODY_TIME_MAX.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail).closing())
    })
}

/// Takes a small body off the connection of a request that is refused without it, so that the
/// connection can go on. Whoever has no key gets little time and few bytes for that.
pub(crate) async fn refuse_unread(problem: Problem, body: Body) -> Problem {
    let read = read(body, UNREAD_BYTES_MAX, UNREAD_BYTES_MAX);
    match tokio::time::timeout(UNREAD_TIME_MAX, read).await {
        Ok(Ok(_)) => problem,
        _ => problem.closing(),
    }
}

/// Reads a body of at most `bytes_max`. Of a larger one, what lies beyond is dropped, and after
/// `bytes_drained_max` it is given up.
async fn read(mut body: Body, bytes_max: usize, bytes_drained_max: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut seen: usize = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| {
            let detail = "The body ended before it was complete.";
            Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", detail).closing()
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen <= bytes_max {
            bytes.extend_from_slice(&data);
            continue;
        }
        bytes = Vec::new();
        if seen > bytes_drained_max {
            return Err(too_large(bytes_max).closing());
        }
    }
    if seen <= bytes_max { Ok(bytes) } else { Err(too_large(bytes_max)) }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("A body may have {bytes_max} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
}

fn accepted(validation: &Validation) -> Response {
    let answer = Accepted {
        accepted: validation.accepted,
        rejected: validation.rejected.iter().map(Rejected::from).collect(),
    };
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

fn refused(rejected: Vec<RejectedItem>) -> Problem {
    // What holds nothing to accept and nothing to refuse is an envelope without items.
    let reason = rejected.first().map_or("empty_envelope", |item| item.reason);
    let status = match reason {
        "malformed_json" => StatusCode::BAD_REQUEST,
        "payload_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let detail =
        rejected.first().map_or_else(|| "The body holds no events.".to_owned(), |item| item.detail.clone());
    Problem::new(status, reason, detail).with_rejected(rejected)
}

pub(crate) fn unavailable(error: GatewayError) -> Problem {
    let (reason, detail) = match error {
        GatewayError::Draining => {
            ("draining", "This process is shutting down; another one will take the record.")
        }
        GatewayError::Unavailable(cause) => {
            tracing::warn!(%cause, "failed to append to the log");
            ("log_unavailable", "The log takes no records now; nothing is lost by sending again.")
        }
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail).with_retry_after(RETRY_AFTER_SECONDS)
}
