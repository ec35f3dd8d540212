//! Reads PEM files: the certificates of authorities (`Roots`), and the certificate and the key of a client
//! (`Identity`).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::causes::Cause;
use crate::error::StoreError;

/// Returns `path`, which is the value of the parameter with the name `parameter`.
///
/// # Errors
/// Fails if `path` is relative, because a relative path would name a different file in each working directory. The
/// error is a sentence for the operator.
pub(crate) fn absolute(parameter: &str, path: &str) -> Result<PathBuf, String> {
    if Path::new(path).is_absolute() {
        return Ok(path.into());
    }
    Err(format!("{parameter} is a relative path, which depends on the working directory: give the absolute path"))
}

/// The authorities that may sign the certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The authorities that the operating system trusts.
    Platform,
    /// The authorities whose certificates are in this file.
    File(PathBuf),
}

impl Roots {
    /// Returns the certificates of these authorities.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no certificate, or if the file can't be read or is not a PEM file.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, StoreError> {
        match self {
            Self::File(path) => certificates(path),
            Self::Platform => {
                let found = rustls_native_certs::load_native_certs();
                if !found.certs.is_empty() {
                    return Ok(found.certs);
                }
                let cause = found.errors.into_iter().next().map_or_else(|| "it trusts none".into(), Into::into);
                Err(refused("the certificates that this host trusts", "install ca-certificates, or name a file", cause))
            }
        }
    }

    /// Returns the same certificates as [`certificates`](Self::certificates), in the form that a TLS session needs.
    /// Skips certificates of the platform that can't be used. Fails if a certificate of a [`File`](Self::File) can't be
    /// used.
    pub(crate) fn read(&self) -> Result<RootCertStore, StoreError> {
        let mut roots = RootCertStore::empty();
        let certificates = self.certificates()?;
        match self {
            // A platform may have some certificates that can't be used. They are skipped.
            Self::Platform => drop(roots.add_parsable_certificates(certificates)),
            Self::File(path) => {
                for certificate in certificates {
                    roots.add(certificate).map_err(|error| unreadable(path, CERTIFICATES, error.into()))?;
                }
            }
        }
        Ok(roots)
    }
}

/// A client's certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The file with the client's certificate, followed by the certificates of all intermediate authorities between the
    /// client and an authority that the server trusts.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    pub(crate) fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), StoreError> {
        let key = PrivateKeyDer::from_pem_slice(&contents(&self.key, KEY)?);
        let key = key.map_err(|error| unreadable(&self.key, KEY, of_pem(error)))?;
        Ok((certificates(&self.certificate)?, key))
    }

    pub(crate) fn refused(&self, error: rustls::Error) -> StoreError {
        let Self { certificate, key } = self;
        let what = format!("using the certificate {} with the key {}", certificate.display(), key.display());
        StoreError::refused(what, "give a certificate and the key that belongs to it", error)
    }
}

const CERTIFICATES: &str = "a file of PEM certificates (-----BEGIN CERTIFICATE-----)";
const KEY: &str = "a file with a PEM key that has no passphrase (-----BEGIN PRIVATE KEY-----)";

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let contents = contents(path, CERTIFICATES)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents).collect();
    let certificates = certificates.map_err(|error| unreadable(path, CERTIFICATES, of_pem(error)))?;
    if certificates.is_empty() {
        return Err(unreadable(path, CERTIFICATES, "there is no certificate in it".into()));
    }
    Ok(certificates)
}

fn contents(path: &Path, needed: &str) -> Result<Vec<u8>, StoreError> {
    let failed = |error: io::Error| unreadable(path, needed, error.into());
    // Something other than a regular file may block for ever when it is opened, such as a pipe, or may have no end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(unreadable(path, needed, "it is not a regular file".into()));
    }
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut contents));
    if read.map_err(failed)? as u64 > LONGEST {
        return Err(unreadable(path, needed, "it is longer than 1 MiB".into()));
    }
    Ok(contents)
}

/// The maximum length of a PEM file, in bytes. A file with the certificates of all authorities that an operating system
/// trusts is shorter than this.
const LONGEST: u64 = 1 << 20;

/// Converts an error of the PEM parser to a cause that does not show the contents of the file. The contents may be a
/// key.
fn of_pem(error: pem::Error) -> Cause {
    match error {
        pem::Error::NoItemsFound => "there is no such item in it".into(),
        pem::Error::Io(error) => error.into(),
        _ => "it is not in the PEM format".into(),
    }
}

fn unreadable(path: &Path, needed: &str, cause: Cause) -> StoreError {
    refused(&format!("{}", path.display()), &format!("give {needed} that this process can read"), cause)
}

fn refused(what: &str, remedy: &str, cause: Cause) -> StoreError {
    StoreError::refused(format!("reading {what}"), remedy, cause)
}
