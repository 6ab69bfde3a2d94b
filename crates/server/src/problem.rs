//! Refusals as `application/problem+json` (RFC 9457).

use std::any::Any;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::gateway::RejectedItem;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    reason: &'static str,
    detail: String,
    rejected: Vec<RejectedItem>,
    key: Option<String>,
    retry_after_seconds: Option<u32>,
    closes: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    rejected: Vec<Rejected<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// A refused payload item as the API shows it.
#[derive(Serialize)]
pub(crate) struct Rejected<'a> {
    path: &'a str,
    reason: &'a str,
    detail: &'a str,
}

impl<'a> From<&'a RejectedItem> for Rejected<'a> {
    fn from(item: &'a RejectedItem) -> Self {
        Self { path: &item.path, reason: item.reason, detail: &item.detail }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            detail: detail.into(),
            rejected: Vec::new(),
            key: None,
            retry_after_seconds: None,
            closes: false,
        }
    }

    pub(crate) fn with_rejected(mut self, rejected: Vec<RejectedItem>) -> Self {
        self.rejected = rejected;
        self
    }

    /// The key of a settings document that is at fault; empty where it is the whole.
    pub(crate) fn with_key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// For requests whose body was not read to its end: the connection can't carry another one,
    /// and a client that isn't told finds out in the middle of its next request.
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    pub(crate) fn key_missing() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "key_missing",
            "Send an API key as `Authorization: Bearer`, as `x-api-key` or as `?apiKey=`.",
        )
    }

    pub(crate) fn key_unknown() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "key_unknown", "This API key is not known here.")
    }

    pub(crate) fn key_forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "key_forbidden",
            "This API key belongs to another organization or project.",
        )
    }

    pub(crate) fn operators_only() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "key_forbidden",
            "This API key belongs to one project; only an operator's key opens this address.",
        )
    }

    pub(crate) fn project_invalid() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "project_invalid",
            "The project must be 1 to 64 of A-Z a-z 0-9 . _ -",
        )
    }

    pub(crate) fn project_unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "project_unknown",
            "No record of a project of this name has been seen.",
        )
    }

    pub(crate) fn query_invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "query_invalid", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("urn:daybook:problem:{}", self.reason),
            title: title(self.reason, self.status),
            status: self.status.as_u16(),
            detail: &self.detail,
            reason: self.reason,
            rejected: self.rejected.iter().map(Rejected::from).collect(),
            key: self.key.as_deref(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, content_type)], json).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// One title per type, as RFC 9457 asks for.
fn title(reason: &str, status: StatusCode) -> &'static str {
    match reason {
        "key_missing" => "API key missing",
        "key_unknown" => "API key unknown",
        "key_forbidden" => "API key not valid for this project",
        "project_invalid" => "Project name invalid",
        "project_unknown" => "Project unknown",
        "user_unknown" => "User unknown",
        "topic_unknown" => "Topic unknown",
        "settings_invalid" => "Settings invalid",
        "split_rule_invalid" => "Split rule invalid",
        "payload_too_large" => "Body too large",
        "malformed_json" => "Body is not valid JSON",
        "query_invalid" => "Query parameter invalid",
        "draining" => "Shutting down",
        "log_unavailable" => "Log unavailable",
        "not_live" => "Not alive",
        "not_ready" => "Not ready",
        _ if status == StatusCode::UNPROCESSABLE_ENTITY => "Nothing in the body was accepted",
        _ => status.canonical_reason().unwrap_or("Refused"),
    }
}

pub(crate) async fn route_unknown(method: Method) -> Problem {
    let detail = "There is nothing at this address.";
    closing_unless_bodiless(&method, Problem::new(StatusCode::NOT_FOUND, "route_unknown", detail))
}

pub(crate) async fn method_not_allowed(method: Method) -> Problem {
    let detail = "This address does not take this method.";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    closing_unless_bodiless(&method, problem)
}

fn closing_unless_bodiless(method: &Method, problem: Problem) -> Problem {
    if matches!(*method, Method::GET | Method::HEAD) { problem } else { problem.closing() }
}

/// Answers for a handler that panicked. The panic's own words stay in the process's log.
pub(crate) fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "A bug in daybook stopped this request. Whether its record was appended is not known; \
         sending it again is safe.",
    )
    .into_response()
}
