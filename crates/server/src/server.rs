//! Puts the routes on a port.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use axum::{Router, serve};
use prometheus::Registry;
use tokio::net::TcpListener;
use tower::limit::ConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::gateway::Gateway;
use crate::health::{self, Health};
use crate::keys::Keyring;
use crate::metrics::{self, HttpMetrics, OnScrape};
use crate::read_model::ReadModel;
use crate::settings::Settings;
use crate::{admin, credentials, page, problem, query, track};

/// Bodies in memory at once; more wait for their turn.
const TRACK_REQUESTS_MAX: usize = 512;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keyring>,
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) books: Arc<ReadModel>,
    pub(crate) registry: Registry,
    pub(crate) body_bytes_max: usize,
}

impl FromRef<Shared> for Arc<dyn Health> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.health)
    }
}

/// The HTTP server, not listening yet.
pub struct Server {
    listen: SocketAddr,
    shared: Shared,
}

impl Server {
    /// A server for these settings. `books` is what its queries and its page show; `registry` is
    /// what `/metrics` shows, the server's own figures included.
    #[must_use]
    pub fn new(
        settings: Settings,
        gateway: Arc<dyn Gateway>,
        health: Arc<dyn Health>,
        books: Arc<ReadModel>,
        registry: Registry,
    ) -> Self {
        let shared = Shared {
            keys: Arc::new(Keyring::new(&settings.api_keys)),
            gateway,
            health,
            books,
            registry,
            body_bytes_max: settings.body_bytes_max,
        };
        Self { listen: settings.listen, shared }
    }

    /// Opens the port and registers the server's metrics.
    ///
    /// # Errors
    /// The port can't be opened, or the registry holds metrics of these names already.
    pub async fn bind(self) -> io::Result<BoundServer> {
        let metrics = HttpMetrics::register(&self.shared.registry).map_err(io::Error::other)?;
        self.shared.books.register(&self.shared.registry).map_err(io::Error::other)?;
        OnScrape::register(&self.shared.health, &self.shared.books, &self.shared.registry)
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let router = router(self.shared, Arc::new(metrics));
        Ok(BoundServer { listener, address, router })
    }
}

/// The HTTP server on its port.
pub struct BoundServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl BoundServer {
    /// The address that is listened on; its port is the real one where 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` resolves, then finishes those under way. It waits for
    /// them without a deadline of its own: how long a drain may take is the caller's to say.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        serve(self.listener, self.router).with_graceful_shutdown(shutdown).await
    }
}

fn router(shared: Shared, metrics: Arc<HttpMetrics>) -> Router {
    Router::new()
        .route(
            "/{organization}/projects/{project}/sources/{source}/track",
            post(track::track).layer(ConcurrencyLimitLayer::new(TRACK_REQUESTS_MAX)),
        )
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/api/v1/projects", get(query::projects))
        .route("/api/v1/overview", get(query::overview))
        .route("/api/v1/projects/{project}/overview", get(query::project_overview))
        .route("/api/v1/projects/{project}/revenue/daily", get(query::revenue_daily))
        .route("/api/v1/projects/{project}/entries", get(query::entries))
        .route("/api/v1/projects/{project}/balances", get(query::balances))
        .route("/api/v1/projects/{project}/points/{user}", get(query::points))
        .route("/api/v1/projects/{project}/settings", put(admin::apply_settings))
        .route("/api/v1/topics/{topic}/records", get(admin::topic_records).post(admin::append_records))
        .route("/", get(page::index))
        .route("/assets/{*path}", get(page::asset))
        .fallback(problem::route_unknown)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(page::harden))
        .layer(from_fn_with_state(metrics, metrics::observe))
        // Outermost, so that nothing above ever holds a key in a URI or header.
        .layer(from_fn(credentials::lift))
        .with_state(shared)
}
