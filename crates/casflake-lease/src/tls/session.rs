//! `Session`: a TLS session over a socket. The session stores the reason of a permanent failure.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::explain_to;
use crate::error::StoreError;

pub(crate) struct Session {
    stream: StreamOwned<ClientConnection, TcpStream>,
    has_certificate: bool,
    refusal: Option<Refusal>,
}

/// A permanent TLS failure. The session stores the failure for [`refused`](Session::refused), because the error of a
/// read does not show the failure to the caller: the caller reads through a parser, and the parser returns errors
/// without their source.
struct Refusal {
    remedy: &'static str,
    cause: String,
}

impl Session {
    /// Creates a session with `host` over `socket`. Does not yet do the handshake.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if `host` is not a name that a certificate can have.
    pub(crate) fn new(config: ClientConfig, host: &str, socket: TcpStream) -> Result<Self, StoreError> {
        let refused =
            |cause| StoreError::refused("preparing TLS", "give the host by its DNS name or its address", cause);
        let has_certificate = config.client_auth_cert_resolver.has_certs();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(error.to_string()))?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| refused(error.to_string()))?;
        Ok(Self { stream: StreamOwned::new(connection, socket), has_certificate, refusal: None })
    }

    /// Does the handshake. If a read has timed out during an earlier call, this call continues the handshake.
    pub(crate) fn shake_hands(&mut self) -> io::Result<()> {
        let StreamOwned { conn, sock } = &mut self.stream;
        let outcome = conn.complete_io(sock).map(drop);
        self.noted(outcome)
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.stream.sock
    }

    /// Returns the permanent TLS failure of this session as the error of a failed operation. The text `what` names the
    /// operation. Returns `None` if this session has had no permanent TLS failure.
    pub(crate) fn refused(&self, what: &str) -> Option<StoreError> {
        let Refusal { remedy, cause } = self.refusal.as_ref()?;
        Some(StoreError::refused(what, *remedy, &**cause))
    }

    fn noted<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && let Some(remedy) = explain_to(self.has_certificate, error)
        {
            self.refusal = Some(Refusal { remedy, cause: error.to_string() });
        }
        outcome
    }
}

impl Read for Session {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let outcome = self.stream.read(into);
        self.noted(outcome)
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.stream.write(bytes);
        self.noted(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.stream.flush();
        self.noted(outcome)
    }
}
