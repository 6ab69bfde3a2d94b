//! What the server is configured with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// The default of [`Settings::body_bytes_max`]: 1 MiB, what a Kafka broker takes by default.
pub const BODY_BYTES_MAX_DEFAULT: usize = 1024 * 1024;

/// Where to listen, whom to let in, and how much to read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the one port. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Keys that open the routes. Without any, only the health routes answer.
    pub api_keys: Vec<ApiKey>,
    /// Largest accepted request body.
    pub body_bytes_max: usize,
}

impl Default for Settings {
    /// Listens on localhost, port 8080, and knows no key.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            api_keys: Vec::new(),
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
        }
    }
}

/// A key and what it opens.
#[derive(Clone)]
pub struct ApiKey {
    /// The organization whose URLs the key may post to.
    pub organization: String,
    /// The project it opens, its test books `NAME~test` included. `*` is every project of any
    /// organization: an operator's key.
    pub project: String,
    /// The secret. An empty one opens nothing.
    pub key: String,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("key", &"<redacted>")
            .finish()
    }
}
