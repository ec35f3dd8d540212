//! Makes connections with or without TLS, according to the store's URL or the caller's connector.

use std::fmt;

use rustls::ClientConfig;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::refusal::{has_no_tls, is_of_tls};
use super::ssl_mode::Mode;
use crate::error::StoreError;
use crate::tls::{Identity, Roots, Verify, client_config};

/// The settings for TLS, from the parameters of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) roots: Option<Roots>,
    pub(super) identity: Option<Identity>,
}

impl Settings {
    /// Returns a note if the URL names a file of authorities (`sslrootcert`), but the mode is `disable`, `allow` or
    /// `prefer`. These modes accept a connection without TLS, so the file gives no protection.
    fn note(&self) -> Option<String> {
        let has_effect = self.mode >= Mode::Require || self.roots.is_none();
        (!has_effect)
            .then(|| format!("sslrootcert has no effect with sslmode={}: give sslmode=verify-full", self.mode.name()))
    }

    fn verify(&self) -> Verify {
        match (self.mode, self.roots.clone()) {
            (Mode::VerifyFull, roots) => Verify::AuthorityAndName(roots.unwrap_or(Roots::Platform)),
            // The authorities that the platform trusts sign certificates for any host, so only the name in the
            // certificate identifies the server.
            (Mode::VerifyCa, None) => Verify::AuthorityAndName(Roots::Platform),
            (_, Some(roots)) => Verify::Authority(roots),
            (_, None) => Verify::Nothing,
        }
    }

    fn client_config(&self) -> Result<ClientConfig, StoreError> {
        let mut config = client_config(&self.verify(), self.identity.as_ref())?;
        // If the client does not name this protocol, a server refuses a session that begins with TLS
        // (`sslnegotiation=direct`).
        config.alpn_protocols = [b"postgresql".into()].into();
        Ok(config)
    }
}

/// The way in which the TLS sessions of a store are made: by a connector of the caller, or by this crate with the
/// settings of the URL.
#[derive(Clone)]
pub(super) enum Tls<T> {
    /// The caller's connector makes the TLS sessions. The `sslmode` in the caller's [`Config`] decides which
    /// connections use TLS.
    Given(T),
    OfUrl(Settings),
}

impl<T> fmt::Debug for Tls<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("a connector that the caller gave"),
            Self::OfUrl(settings) => settings.fmt(f),
        }
    }
}

impl<T> Tls<T> {
    /// Returns the requested mode, for use in errors. If the caller gave a connector, returns `Require`, because a
    /// caller that gives a connector asks for TLS.
    pub(super) const fn mode(&self) -> Mode {
        match self {
            Self::Given(_) => Mode::Require,
            Self::OfUrl(settings) => settings.mode,
        }
    }

    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::Given(_) => None,
            Self::OfUrl(settings) => settings.note(),
        }
    }
}

impl<T: Clone> Tls<T> {
    /// Returns a connector for `config`. Reads the files that the settings name, if there are any.
    pub(super) fn connector(&self, config: &Config) -> Result<Connector<T>, StoreError> {
        Ok(match self {
            Self::Given(tls) => Connector::Given(tls.clone()),
            // As in libpq, a connection through a Unix socket has no TLS, whatever the mode is.
            Self::OfUrl(Settings { mode: Mode::Disable, .. }) => Connector::Plain,
            Self::OfUrl(_) if config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket) => {
                Connector::Plain
            }
            Self::OfUrl(settings) => {
                Connector::Rustls(settings.mode, MakeRustlsConnect::new(settings.client_config()?))
            }
        })
    }
}

pub(super) fn is_socket(host: &Host) -> bool {
    !matches!(host, Host::Tcp(_))
}

/// The means to make one connection: the caller's connector, no TLS, or rustls with a mode.
pub(super) enum Connector<T> {
    Given(T),
    Plain,
    Rustls(Mode, MakeRustlsConnect),
}

impl<T: MakeTlsConnect<Socket, Stream: Send + 'static>> Connector<T> {
    pub(super) async fn connect(self, config: Config) -> Result<Client, Error> {
        match self {
            Self::Given(tls) => connect(&config, config.get_ssl_mode(), tls).await,
            Self::Plain => connect(&config, SslMode::Disable, NoTls).await,
            Self::Rustls(Mode::Allow, tls) => match connect(&config, SslMode::Disable, NoTls).await {
                Err(refused) if is_not_admitted(&refused) => {
                    // If the server has no TLS, the error of the first attempt is reported, because its cause must be
                    // corrected.
                    connect(&config, SslMode::Require, tls)
                        .await
                        .map_err(|error| if has_no_tls(&error) { refused } else { error })
                }
                outcome => outcome,
            },
            Self::Rustls(Mode::Prefer, tls) => match connect(&config, SslMode::Prefer, tls).await {
                Err(refused) if is_of_tls(&refused) || is_not_admitted(&refused) => {
                    let plain = connect(&config, SslMode::Disable, NoTls).await;
                    plain.map_err(|error| if is_not_admitted(&error) { refused } else { error })
                }
                outcome => outcome,
            },
            Self::Rustls(_, tls) => connect(&config, SslMode::Require, tls).await,
        }
    }
}

async fn connect<T>(config: &Config, mode: SslMode, tls: T) -> Result<Client, Error>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let mut config = config.clone();
    let (client, connection) = config.ssl_mode(mode).connect(tls).await?;
    // This task transfers the client's messages while a call waits. If the task fails, the client notices.
    drop(tokio::spawn(connection));
    Ok(client)
}

/// Returns whether the server's rules (`pg_hba.conf`), or the settings of a pooler, may have refused the connection.
/// Rules can admit a client only with TLS, or only without TLS. So if a connection with TLS is refused, one without TLS
/// may succeed, and the reverse. Also returns true if, for example, the role does not exist, because the server then
/// reports the same code.
fn is_not_admitted(error: &Error) -> bool {
    let is_pooler =
        |error: &DbError| error.code() == &SqlState::PROTOCOL_VIOLATION && error.message() == "SSL required";
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) || error.as_db_error().is_some_and(is_pooler)
}
