//! TLS for the stores that connect to a server: certificate files, verification of the server, and explanations of
//! failures.
//!
//! TLS is implemented by rustls with `ring`, which needs only a C compiler. The official client of a database reads
//! environment variables and files in the home directory. This module does not read them, so that a URL means the same
//! for every user and on every host. The only exception is the location of the platform's certificates, which the
//! platform decides.

mod explain;
mod parameters;
mod pem;
mod probe;
mod session;
mod verify;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;

pub(super) use self::explain::{NO_TLS, explain, explain_to};
pub(super) use self::parameters::{PARAMETERS, TlsFiles};
pub(super) use self::pem::{Identity, Roots, absolute};
pub(super) use self::probe::{PROBE_TIMEOUT, connect, first_byte, has_hung_up, refusal, speaks_tls};
pub(super) use self::session::Session;
use self::verify::{Chain, Nothing};
use crate::error::StoreError;

/// How the server's certificate is verified.
#[derive(Clone, Debug)]
pub(super) enum Verify {
    /// The certificate is not verified. The encryption then protects only against passive listeners.
    Nothing,
    /// One of these authorities must have signed the certificate. The certificate may be for any host.
    Authority(Roots),
    /// One of these authorities must have signed the certificate, and the certificate must be for the host in the URL.
    AuthorityAndName(Roots),
}

/// Reads the certificate files, and returns the configuration for a TLS session.
///
/// Call this function for each new connection, so that each connection uses the current contents of the files.
///
/// # Errors
/// [`StoreError::Refused`] with the path of the file if a file can't be read or has the wrong contents.
pub(super) fn client_config(verify: &Verify, identity: Option<&Identity>) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Nothing::new(&provider)),
        Verify::Authority(roots) => Arc::new(Chain::new(&provider, roots.read()?)),
        Verify::AuthorityAndName(roots) => {
            let roots = Arc::new(roots.read()?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            verifier.map_err(unprepared)?
        }
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(unprepared)?.dangerous().with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = identity.read()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| identity.refused(error))
        }
    }
}

fn unprepared(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::refused("preparing TLS", "see the cause", error)
}

#[cfg(test)]
mod tests;
