//! Connections with TLS and without, as a URL or a caller asks for.

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

/// What the parameters of a URL say of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) roots: Option<Roots>,
    pub(super) identity: Option<Identity>,
}

impl Settings {
    /// Returns what is to be known of a file that secures nothing: a connection without TLS is good enough.
    fn note(&self) -> Option<String> {
        let has_force = self.mode >= Mode::Require || self.roots.is_none();
        (!has_force)
            .then(|| format!("sslrootcert has no force with sslmode={}: give sslmode=verify-full", self.mode.name()))
    }

    fn verify(&self) -> Verify {
        match (self.mode, self.roots.clone()) {
            (Mode::VerifyFull, roots) => Verify::AuthorityAndName(roots.unwrap_or(Roots::Platform)),
            // Those whom the platform trusts sign a certificate for everybody, of which the name alone tells whose it is.
            (Mode::VerifyCa, None) => Verify::AuthorityAndName(Roots::Platform),
            (_, Some(roots)) => Verify::Authority(roots),
            (_, None) => Verify::Nothing,
        }
    }

    fn client_config(&self) -> Result<ClientConfig, StoreError> {
        let mut config = client_config(&self.verify(), self.identity.as_ref())?;
        // Without it a server refuses a session that begins with TLS (`sslnegotiation=direct`).
        config.alpn_protocols = [b"postgresql".into()].into();
        Ok(config)
    }
}

/// How a store's connections are made.
#[derive(Clone)]
pub(super) enum Tls<T> {
    /// By the caller's connector, and the `sslmode` of the configuration.
    Given(T),
    OfUrl(Settings),
}

impl<T> fmt::Debug for Tls<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("a connector of the caller's"),
            Self::OfUrl(settings) => settings.fmt(f),
        }
    }
}

impl<T> Tls<T> {
    /// Returns how much was asked for. A connector of the caller's that fails was asked for TLS.
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
    /// Reads the files that there are.
    pub(super) fn connector(&self, config: &Config) -> Result<Connector<T>, StoreError> {
        Ok(match self {
            Self::Given(tls) => Connector::Given(tls.clone()),
            // As libpq has it, a socket of the same host has no TLS, whatever is asked for.
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

/// Makes one connection.
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
                    // What is said of the first attempt is what there is to mend if the server has no TLS.
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
    // Carries the client's messages while something is waited for. If it fails, the client knows.
    drop(tokio::spawn(connection));
    Ok(client)
}

/// Whether the server's rules (`pg_hba.conf`) have no entry for such a connection: there may be one for the other kind.
fn is_not_admitted(error: &Error) -> bool {
    let is_pooler =
        |error: &DbError| error.code() == &SqlState::PROTOCOL_VIOLATION && error.message() == "SSL required";
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) || error.as_db_error().is_some_and(is_pooler)
}
