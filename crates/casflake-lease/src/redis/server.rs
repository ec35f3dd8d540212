//! `Server`: the address of a Redis server, and the code that connects and logs in to it.

use std::fmt;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, Connection, ConnectionAddr, ConnectionLike, RedisConnectionInfo, RedisError, RedisResult};

use super::address::Address;
use super::failure::Failure;
use super::log_in::log_in;
use super::tls::TlsConnection;
use crate::error::StoreError;
use crate::tls::{TlsFiles, speaks_tls};

/// The time limit for connecting. Each read and each write on a connection has a time limit of the same length.
const IO_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Server {
    client: Client,
    /// The user, the password and the database: see [`log_in`].
    info: RedisConnectionInfo,
    tls: Option<TlsFiles>,
}

/// A connection that is logged in.
pub(super) enum Session {
    Plain(Connection),
    Tls(Box<TlsConnection>),
}

impl Server {
    /// Returns a server at `address`. Does not connect yet.
    pub(super) fn at(address: Address) -> RedisResult<Self> {
        let Address { info, tls } = address;
        // Each script is one message. TCP may delay a message to send it together with the next message, which would
        // gain nothing here.
        let tcp = TcpSettings::default().set_nodelay(true);
        let no_log_in = RedisConnectionInfo::default().set_skip_set_lib_name();
        let of_address = info.redis_settings().clone();
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(no_log_in))?;
        Ok(Self { client, info: of_address, tls })
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.info.username()
    }

    /// Connects, and logs in.
    pub(super) fn dial(&self) -> Result<Session, Failure> {
        let mut session = match (&self.tls, self.client.get_connection_info().addr()) {
            (Some(files), ConnectionAddr::Tcp(host, port)) => {
                Session::Tls(Box::new(TlsConnection::open(host, *port, files, IO_TIMEOUT, &self.what())?))
            }
            _ => {
                let connection = self.client.get_connection_with_timeout(IO_TIMEOUT)?;
                connection.set_read_timeout(Some(IO_TIMEOUT))?;
                connection.set_write_timeout(Some(IO_TIMEOUT))?;
                Session::Plain(connection)
            }
        };
        match log_in(session.connection(), &self.info) {
            Ok(()) => Ok(session),
            Err(error) => Err(self.failure(&session, error)),
        }
    }

    /// Converts an error of `session` to a [`Failure`]. If TLS is the reason of the error, the failure names a remedy.
    pub(super) fn failure(&self, session: &Session, error: RedisError) -> Failure {
        let refused = match session {
            Session::Tls(connection) => connection.refused(&self.what()),
            Session::Plain(_) if error.is_connection_dropped() && self.wants_tls() => {
                let remedy = "the server speaks only TLS: write rediss:// in place of redis://";
                Some(StoreError::refused(self.what(), remedy, error.to_string()))
            }
            Session::Plain(_) => None,
        };
        refused.map_or(Failure::Redis(error), Failure::Store)
    }

    /// Returns whether the server speaks only TLS. If a client connects to such a server without TLS, the server sends
    /// no answer and closes the connection.
    fn wants_tls(&self) -> bool {
        match self.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => speaks_tls(host, *port),
            _ => false,
        }
    }

    pub(super) fn what(&self) -> String {
        format!("asking Redis at {self}")
    }
}

impl Session {
    pub(super) fn connection(&mut self) -> &mut dyn ConnectionLike {
        match self {
            Self::Plain(connection) => connection,
            Self::Tls(connection) => &mut **connection,
        }
    }
}

/// Shows the address and the database, but not the password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_tls = if self.tls.is_some() { " by TLS" } else { "" };
        write!(f, "{}{by_tls}, database {}", self.client.get_connection_info().addr(), self.info.db())
    }
}
