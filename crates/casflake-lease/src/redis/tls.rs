//! `TlsConnection`: Redis's protocol over TLS.
//!
//! The TLS of the crate `redis` is not used. That implementation uses the provider of cryptography of the whole
//! process, installs a provider if the process has none, and panics if it has to choose between two providers.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use redis::{ConnectionLike, Parser, RedisResult, Value, cmd};

use super::failure::Failure;
use crate::error::StoreError;
use crate::tls::{NO_TLS, Session, TlsFiles, connect, first_byte};

/// The time that a server has to answer the first message of TLS. If the server sends no answer in this time, the
/// client makes a second connection, without TLS. An answer on that connection shows that the server has no TLS.
const SILENCE: Duration = Duration::from_millis(300);

pub(super) struct TlsConnection {
    session: Session,
    parser: Parser,
    is_open: bool,
}

impl TlsConnection {
    /// Connects to a server and verifies the server. Connecting takes at most `timeout`, and so does each read.
    pub(super) fn open(
        host: &str,
        port: u16,
        files: &TlsFiles,
        timeout: Duration,
        what: &str,
    ) -> Result<Self, Failure> {
        let config = files.config()?;
        let socket = connect(host, port, timeout)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(timeout))?;
        let mut session = Session::new(config, host, socket)?;
        let mut outcome = session.shake_hands();
        if outcome.as_ref().is_err_and(is_silence) {
            // A Redis server without TLS sends no answer before it has received the end of a line.
            if matches!(first_byte(host, port, b"PING\r\n".into()), Some(b'+' | b'-')) {
                return Err(StoreError::refused(what, NO_TLS, "it answers only without TLS").into());
            }
            session.socket().set_read_timeout(Some(timeout))?;
            outcome = session.shake_hands();
        } else {
            session.socket().set_read_timeout(Some(timeout))?;
        }
        match outcome {
            Ok(()) => Ok(Self { session, parser: Parser::new(), is_open: true }),
            Err(error) => Err(session.refused(what).map_or(Failure::from(error), Failure::Store)),
        }
    }

    /// Returns the permanent TLS failure of this connection as the error of a failed operation. The text `what` names
    /// the operation. A permanent failure is, for example, a certificate that is not trusted. Returns `None` if this
    /// connection has had no permanent TLS failure.
    pub(super) fn refused(&self, what: &str) -> Option<StoreError> {
        self.session.refused(what)
    }

    fn read(&mut self) -> RedisResult<Value> {
        loop {
            match self.parser.parse_value(&mut self.session) {
                // A push message of the server is not an answer to a command, so it is skipped.
                Ok(Value::Push { .. }) => {}
                outcome => {
                    self.is_open &= outcome.is_ok();
                    return outcome;
                }
            }
        }
    }

    fn send(&mut self, commands: &[u8]) -> RedisResult<()> {
        self.session.write_all(commands)?;
        Ok(self.session.flush()?)
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl ConnectionLike for TlsConnection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        self.send(command)?;
        self.read()
    }

    fn req_packed_commands(&mut self, commands: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        self.send(commands)?;
        for _ in 0..offset {
            self.read()?;
        }
        (0..count).map(|_| self.read()).collect()
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        cmd("PING").exec(self).is_ok()
    }

    fn is_open(&self) -> bool {
        self.is_open
    }
}
