//! `daybook health`: asks the instance of a configuration how it is, for containers that have no other HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use crate::config::Config;
use crate::instance::agent;

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthArguments {
    /// Configuration of the instance
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Ask whether it lives rather than whether it is ready
    #[arg(long)]
    pub live: bool,
}

/// Runs the command.
pub fn health(arguments: &HealthArguments) -> anyhow::Result<()> {
    let address = reachable(Config::load(arguments.config.as_deref())?.http.listen);
    let url = format!("http://{address}/{}", if arguments.live { "livez" } else { "readyz" });
    let mut answer = agent().get(&url).call().with_context(|| format!("failed to reach {url}"))?;
    if answer.status() != 200 {
        bail!("{url}: {}", answer.body_mut().read_to_string().unwrap_or_default());
    }
    Ok(())
}

/// Who listens on all addresses is reached on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn an_address_to_ask_at() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("127.0.0.1:9", "127.0.0.1:9"),
        ] {
            let address = reachable(listen.parse().expect("an address"));
            assert_eq!(address.to_string(), expected);
        }
    }
}
