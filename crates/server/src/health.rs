//! Liveness and readiness: the only routes without a key.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// How the process is doing. The binary implements it.
pub trait Health: Send + Sync + 'static {
    /// Fails where only a restart can help.
    ///
    /// # Errors
    /// What is wrong, in words that may be shown to anybody.
    fn live(&self) -> Result<(), String>;

    /// Fails while requests should go elsewhere.
    ///
    /// # Errors
    /// What is missing, in words that may be shown to anybody.
    fn ready(&self) -> Result<(), String>;
}

pub(crate) async fn livez(State(health): State<Arc<dyn Health>>) -> Response {
    answer(health.live(), "not_live")
}

pub(crate) async fn readyz(State(health): State<Arc<dyn Health>>) -> Response {
    answer(health.ready(), "not_ready")
}

fn answer(state: Result<(), String>, reason: &'static str) -> Response {
    match state {
        Ok(()) => "ok\n".into_response(),
        Err(detail) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail).into_response(),
    }
}
