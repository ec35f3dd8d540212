//! `TlsFiles`: the parameters of a URL that name files for TLS.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;

use super::{Identity, Roots, Verify, absolute, client_config};
use crate::error::StoreError;

/// The parameter that names the file with the authorities' certificates. The names `sslrootcert`, `sslcert` and
/// `sslkey` are from PostgreSQL URLs. The URLs of the other stores use the same names.
const ROOTS: &str = "sslrootcert";
const CERTIFICATE: &str = "sslcert";
const KEY: &str = "sslkey";

/// The names of the three parameters for TLS files, as a list for error texts.
pub(crate) const PARAMETERS: &str = "sslrootcert, sslcert and sslkey";

/// The files that a TLS session needs. The session verifies both the authority and the host name of the server's
/// certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) roots: Roots,
    pub(crate) identity: Option<Identity>,
}

impl TlsFiles {
    /// Returns whether `parameter` is `sslrootcert`, `sslcert` or `sslkey`.
    pub(crate) fn is_one(parameter: &str) -> bool {
        [ROOTS, CERTIFICATE, KEY].contains(&parameter)
    }

    /// Takes the paths of the files from `parameters`, which are the names and values of the URL's parameters. Ignores
    /// all parameters except `sslrootcert`, `sslcert` and `sslkey`.
    ///
    /// # Errors
    /// Fails with a sentence for the operator if a path is relative or is not UTF-8, or if only one of `sslcert` and
    /// `sslkey` is given.
    pub(crate) fn of(parameters: &[(&str, &str)]) -> Result<Self, String> {
        let path = |name| {
            let of_name = parameters.iter().find(|(known, _)| *known == name);
            of_name.map(|(_, value)| path(name, value)).transpose()
        };
        let identity = match (path(CERTIFICATE)?, path(KEY)?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            _ => return Err(format!("the URL has only one of {CERTIFICATE} and {KEY}: give both")),
        };
        Ok(Self { roots: path(ROOTS)?.map_or(Roots::Platform, Roots::File), identity })
    }

    /// Reads the files and returns the configuration for a TLS session. See [`client_config`].
    pub(crate) fn config(&self) -> Result<ClientConfig, StoreError> {
        client_config(&Verify::AuthorityAndName(self.roots.clone()), self.identity.as_ref())
    }
}

fn path(name: &str, value: &str) -> Result<PathBuf, String> {
    let path = percent_decode_str(value).decode_utf8().map_err(|_| format!("the parameter {name} is not UTF-8"))?;
    absolute(name, &path)
}
