//! Converts the files for TLS to the types of the crate `ureq`.
//!
//! The crate uses the provider of cryptography that the program has installed for its process. If there is none, the
//! crate uses `ring`. This module does not choose a provider, because the crate's API for that may change in any
//! version.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::error::StoreError;
use crate::tls::{Identity, Roots, TlsFiles};

/// Reads the files, and returns the configuration for TLS.
pub(super) fn config(files: &TlsFiles) -> Result<TlsConfig, StoreError> {
    let identity = files.identity.as_ref().map(client_cert).transpose()?;
    Ok(TlsConfig::builder().root_certs(root_certs(&files.roots)?).client_cert(identity).build())
}

fn root_certs(roots: &Roots) -> Result<RootCerts, StoreError> {
    // `read` refuses a file with an unusable certificate, and its error shows the path of the file. The crate would
    // skip such certificates.
    roots.read()?;
    Ok(roots.certificates()?.iter().map(|root| Certificate::from_der(root).to_owned()).into())
}

fn client_cert(identity: &Identity) -> Result<ClientCert, StoreError> {
    let (chain, key) = identity.read()?;
    // The crate panics if the key does not belong to the certificate.
    CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring::default_provider())
        .map_err(|error| identity.refused(error))?;
    // The crate takes keys only as PEM.
    let label = match &key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let base64 = STANDARD.encode(key.secret_der());
    let pem = format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    let key = PrivateKey::from_pem(pem.as_bytes());
    let key = key.map_err(|error| StoreError::refused("preparing TLS", "give a key in PKCS #8", error))?;
    let chain: Vec<Certificate<'static>> = chain.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    Ok(ClientCert::new_with_certs(&chain, key))
}
