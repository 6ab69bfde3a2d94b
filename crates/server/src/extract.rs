//! Names in URLs, and who may ask for them.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::keys::Principal;
use crate::problem::Problem;
use crate::server::Shared;

const NAME_BYTES_MAX: usize = 64;

/// Whether `name` is `[A-Za-z0-9._-]{1,64}`.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The `{project}` of a query, once its key is known to open that project.
pub(crate) struct VisibleProject(pub(crate) String);

impl FromRequestParts<Shared> for VisibleProject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, shared).await?;
        let project = path_parameter(parts, "project").await?;
        if principal.sees(&project) { Ok(Self(project)) } else { Err(Problem::key_forbidden()) }
    }
}

/// One decoded parameter of the matched route.
pub(crate) async fn path_parameter(parts: &mut Parts, name: &str) -> Result<String, Problem> {
    let invalid = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "field_invalid",
            format!("The {name} in the address is not valid UTF-8."),
        )
    };
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| invalid())?;
    parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names() {
        for (name, expected) in [
            ("acme", true),
            ("A.b_c-9", true),
            ("", false),
            ("acme~test", false),
            ("a/b", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
        assert!(is_name(&"x".repeat(64)));
        assert!(!is_name(&"x".repeat(65)));
    }
}
