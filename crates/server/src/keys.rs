//! API keys: what a presented one opens.

use sha2::{Digest, Sha256};

use crate::settings::ApiKey;

/// Suffix of the project that holds a project's test-mode books.
const TEST_SUFFIX: &str = "~test";

type KeyDigest = [u8; 32];

/// All configured keys, held as digests only.
pub(crate) struct Keyring {
    entries: Vec<(KeyDigest, Grant)>,
}

/// What one configured key opens.
#[derive(Clone, Debug)]
enum Grant {
    Operator,
    Project { organization: String, project: String },
}

/// Whoever presented a known key.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    grants: Vec<Grant>,
}

impl Keyring {
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        let entries = keys
            .iter()
            .filter(|key| !key.key.is_empty())
            .map(|key| {
                let grant = if key.project == "*" {
                    Grant::Operator
                } else {
                    Grant::Project { organization: key.organization.clone(), project: key.project.clone() }
                };
                (digest(&key.key), grant)
            })
            .collect();
        Self { entries }
    }

    /// Digests are compared, never keys, and always with every entry: how long this takes says
    /// nothing about a key that the caller doesn't have.
    pub(crate) fn principal(&self, presented: &str) -> Option<Principal> {
        let wanted = digest(presented);
        self.granted(|known| *known == wanted)
    }

    /// The principal of a [`page_token`].
    pub(crate) fn page_principal(&self, token: &str) -> Option<Principal> {
        self.granted(|known| page_token_of(known) == token)
    }

    fn granted(&self, matches: impl Fn(&KeyDigest) -> bool) -> Option<Principal> {
        let grants: Vec<Grant> =
            self.entries.iter().filter(|(known, _)| matches(known)).map(|(_, grant)| grant.clone()).collect();
        (!grants.is_empty()).then_some(Principal { grants })
    }
}

impl Principal {
    /// Whether this key may post charges under that URL.
    pub(crate) fn may_post(&self, organization: &str, project: &str) -> bool {
        self.grants.iter().any(|grant| match grant {
            Grant::Operator => true,
            Grant::Project { organization: own_organization, project: own_project } => {
                own_organization == organization && own_project == project
            }
        })
    }

    /// Whether this key may see that project's books.
    pub(crate) fn sees(&self, project: &str) -> bool {
        self.grants.iter().any(|grant| match grant {
            Grant::Operator => true,
            Grant::Project { project: own, .. } => {
                project.strip_suffix(TEST_SUFFIX).unwrap_or(project) == own || project == own
            }
        })
    }

    /// Whether this key opens every project, and what belongs to none.
    pub(crate) fn is_operator(&self) -> bool {
        self.grants.iter().any(|grant| matches!(grant, Grant::Operator))
    }
}

/// A token that opens the page's static files and nothing else. A browser can't send a header
/// for those, and the key itself has no place in a cookie.
pub(crate) fn page_token(key: &str) -> String {
    page_token_of(&digest(key))
}

fn page_token_of(key_digest: &KeyDigest) -> String {
    let hash = Sha256::new_with_prefix(b"daybook page\0").chain_update(key_digest).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(key: &str) -> KeyDigest {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(organization: &str, project: &str, key: &str) -> ApiKey {
        ApiKey { organization: organization.into(), project: project.into(), key: key.into() }
    }

    #[test]
    fn what_a_key_opens() {
        let ring =
            Keyring::new(&[key("acme-org", "acme", "k1"), key("ops", "*", "root"), key("nobody", "*", "")]);
        assert!(ring.principal("").is_none());
        assert!(ring.principal("k").is_none());
        let acme = ring.principal("k1").unwrap();
        let root = ring.principal("root").unwrap();
        for (project, expected) in
            [("acme", true), ("acme~test", true), ("acme~test~test", false), ("acme2", false), ("", false)]
        {
            assert_eq!(acme.sees(project), expected, "{project}");
            assert!(root.sees(project));
        }
        assert!(acme.may_post("acme-org", "acme"));
        assert!(!acme.may_post("other", "acme"));
        assert!(!acme.may_post("acme-org", "other"));
        assert!(root.may_post("anything", "other"));
        assert!(root.is_operator() && !acme.is_operator());
    }

    #[test]
    fn a_page_token_is_neither_key_nor_digest() {
        let ring = Keyring::new(&[key("o", "p", "k1")]);
        let token = page_token("k1");
        assert!(ring.principal(&token).is_none());
        assert!(ring.page_principal(&token).is_some());
        assert!(ring.page_principal("k1").is_none());
    }

    #[test]
    fn debug_hides_the_key() {
        assert!(!format!("{:?}", key("o", "p", "hunter2")).contains("hunter2"));
    }
}
