//! Queries over the read model.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use crate::extract::{VisibleProject, path_parameter};
use crate::keys::Principal;
use crate::problem::Problem;
use crate::read_model::{
    BalancesView, DayView, EntryView, OverviewView, PointsView, ProjectOverviewView, ProjectView,
};
use crate::server::Shared;

const ENTRIES_DEFAULT: usize = 50;
const ENTRIES_MAX: usize = 500;

type Answer<T> = Result<Json<T>, Problem>;

#[derive(Serialize)]
pub(crate) struct Projects {
    projects: Vec<ProjectView>,
}

#[derive(Serialize)]
pub(crate) struct Days {
    project: String,
    days: Vec<Arc<DayView>>,
}

#[derive(Serialize)]
pub(crate) struct Entries {
    project: String,
    entry_count: u64,
    entries: Vec<Arc<EntryView>>,
}

#[derive(Serialize)]
pub(crate) struct Balances {
    project: String,
    #[serde(flatten)]
    balances: BalancesView,
}

#[derive(Serialize)]
pub(crate) struct Points {
    project: String,
    #[serde(flatten)]
    points: PointsView,
}

/// Query parameters by name. What a route doesn't know is ignored.
pub(crate) struct Parameters(BTreeMap<String, String>);

impl FromRequestParts<Shared> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|_| Problem::query_invalid("The query can't be read."))
    }
}

impl Parameters {
    fn day(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(day) if is_day(day) => Ok(Some(day)),
            Some(_) => Err(Problem::query_invalid(format!("`{name}` must be a day, YYYY-MM-DD."))),
        }
    }

    /// `limit`; more than there may be counts as the most.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        match self.0.get("limit").map(|limit| limit.parse()) {
            None => Ok(default),
            Some(Ok(limit @ 1..)) => Ok(max.min(limit)),
            Some(_) => Err(Problem::query_invalid(format!("`limit` must be a number from 1 to {max}."))),
        }
    }

    /// An offset of a topic; 0 where it is not given.
    pub(crate) fn offset(&self, name: &str) -> Result<u64, Problem> {
        let parsed = self.0.get(name).map_or(Ok(0), |offset| offset.parse());
        parsed.map_err(|_| Problem::query_invalid(format!("`{name}` must be an offset: a number from 0 on.")))
    }
}

/// The user of a points query; it may hold any character, percent-encoded.
pub(crate) struct User(String);

impl FromRequestParts<Shared> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        path_parameter(parts, "user").await.map(Self)
    }
}

pub(crate) async fn projects(State(shared): State<Shared>, principal: Principal) -> Json<Projects> {
    let projects = shared.books.projects(|project| principal.sees(project));
    Json(Projects { projects })
}

pub(crate) async fn overview(State(shared): State<Shared>, principal: Principal) -> Json<OverviewView> {
    let operator = principal.is_operator();
    Json(shared.books.overview(|project| principal.sees(project), operator))
}

pub(crate) async fn project_overview(
    State(shared): State<Shared>,
    VisibleProject(project): VisibleProject,
) -> Answer<ProjectOverviewView> {
    let overview = shared.books.project_overview(&project);
    overview.map(Json).ok_or_else(Problem::project_unknown)
}

pub(crate) async fn revenue_daily(
    State(shared): State<Shared>,
    VisibleProject(project): VisibleProject,
    parameters: Parameters,
) -> Answer<Days> {
    let (from, to) = (parameters.day("from")?, parameters.day("to")?);
    let days = shared.books.days(&project, from, to).ok_or_else(Problem::project_unknown)?;
    Ok(Json(Days { project, days }))
}

pub(crate) async fn entries(
    State(shared): State<Shared>,
    VisibleProject(project): VisibleProject,
    parameters: Parameters,
) -> Answer<Entries> {
    let limit = parameters.limit(ENTRIES_DEFAULT, ENTRIES_MAX)?;
    let (entry_count, entries) =
        shared.books.entries(&project, limit).ok_or_else(Problem::project_unknown)?;
    Ok(Json(Entries { project, entry_count, entries }))
}

pub(crate) async fn balances(
    State(shared): State<Shared>,
    VisibleProject(project): VisibleProject,
) -> Answer<Balances> {
    let balances = shared.books.balances(&project).ok_or_else(Problem::project_unknown)?;
    Ok(Json(Balances { project, balances }))
}

pub(crate) async fn points(
    State(shared): State<Shared>,
    VisibleProject(project): VisibleProject,
    User(user): User,
) -> Answer<Points> {
    let points =
        shared.books.points(&project, &user).ok_or_else(Problem::project_unknown)?.ok_or_else(|| {
            let detail = "This user has no points record in this project.";
            Problem::new(StatusCode::NOT_FOUND, "user_unknown", detail)
        })?;
    Ok(Json(Points { project, points }))
}

/// Whether `text` has the form of a day. Days are only compared, as text.
fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
