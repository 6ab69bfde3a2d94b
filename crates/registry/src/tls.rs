//! Certificates, from the same PEM files that librdkafka is given.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::RegistryError;

/// Whom to trust, and who to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the certificates to trust; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// What to show to a registry that asks for it.
    pub identity: Option<Identity>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// PEM file of the certificate, followed by those that have signed it.
    pub certificate: PathBuf,
    /// PEM file of its private key, not encrypted.
    pub key: PathBuf,
}

impl Tls {
    pub(crate) fn config(&self) -> Result<TlsConfig, RegistryError> {
        let roots = match &self.ca {
            Some(file) => RootCerts::new_with_certs(&certificates(file)?),
            None => RootCerts::PlatformVerifier,
        };
        let client = self.identity.as_ref().map(|identity| {
            let key =
                PrivateKey::from_pem(&read(&identity.key)?).map_err(|e| unreadable(&identity.key, &e))?;
            Ok(ClientCert::new_with_certs(&certificates(&identity.certificate)?, key))
        });
        Ok(TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(roots)
            .client_cert(client.transpose()?)
            .build())
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, RegistryError> {
    let pem = read(file)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| unreadable(file, &e))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(unreadable(file, &"it holds no certificate")) } else { Ok(certificates) }
}

fn read(file: &Path) -> Result<Vec<u8>, RegistryError> {
    std::fs::read(file).map_err(|e| unreadable(file, &e))
}

fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Misconfigured(format!("failed to read certificates of {}: {why}", file.display()))
}
