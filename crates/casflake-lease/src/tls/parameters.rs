//! `Files`: what the parameters of a URL say of TLS.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;

use super::{Identity, Roots, Verify, absolute, client_config};
use crate::error::StoreError;

/// By the names that they have in URLs of PostgreSQL, so that those of all stores have one vocabulary.
const ROOTS: &str = "sslrootcert";
const CERTIFICATE: &str = "sslcert";
const KEY: &str = "sslkey";

/// What a refusal says of them.
pub(crate) const PARAMETERS: &str = "sslrootcert, sslcert and sslkey";

/// The files by which a session begins in which the server's authority and its host name are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) roots: Roots,
    pub(crate) identity: Option<Identity>,
}

impl Files {
    /// Returns whether a parameter names one of them.
    pub(crate) fn is_one(parameter: &str) -> bool {
        [ROOTS, CERTIFICATE, KEY].contains(&parameter)
    }

    /// Returns what these parameters name.
    ///
    /// # Errors
    /// A sentence, if a path is relative or one of the two for a client is missing.
    pub(crate) fn of(parameters: &[(&str, &str)]) -> Result<Self, String> {
        let path = |name| {
            let of_name = parameters.iter().find(|(known, _)| *known == name);
            of_name.map(|(_, value)| path(name, value)).transpose()
        };
        let identity = match (path(CERTIFICATE)?, path(KEY)?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            _ => return Err(format!("it has one of {CERTIFICATE} and {KEY}: give both")),
        };
        Ok(Self { roots: path(ROOTS)?.map_or(Roots::Platform, Roots::File), identity })
    }

    /// Reads the files. See [`client_config`].
    pub(crate) fn config(&self) -> Result<ClientConfig, StoreError> {
        client_config(&Verify::AuthorityAndName(self.roots.clone()), self.identity.as_ref())
    }
}

fn path(name: &str, value: &str) -> Result<PathBuf, String> {
    let path = percent_decode_str(value).decode_utf8().map_err(|_| format!("its parameter {name} is not UTF-8"))?;
    absolute(name, &path)
}
