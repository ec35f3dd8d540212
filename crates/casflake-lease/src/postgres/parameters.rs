//! Interprets the parameters of a connection string. Some of them may be for other clients that use the same string.

mod known;

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{SslNegotiation, TargetSessionAttrs};

use self::known::{OF_OTHERS, OF_THE_CLIENT, REFUSED};
use super::config::split;
use super::schema::Schema;
use super::ssl_mode::Mode;
use super::tls::{Settings, is_socket};
use crate::error::StoreError;
use crate::tls::{Identity, Roots, absolute};

/// The contents of a connection string.
pub(super) struct Parameters {
    pub(super) config: Config,
    pub(super) schema: Schema,
    pub(super) tls: Settings,
    /// The names of the parameters that are meant for other clients, in the same order as in the connection string.
    pub(super) ignored: Vec<String>,
}

/// Reads a connection string. The caller has removed the name of the space from the string.
pub(super) fn read(text: &str) -> Result<Parameters, StoreError> {
    let (kept, taken) = split(text, |name| !OF_THE_CLIENT.contains(&name))?;
    if text.contains("%00") {
        return Err(refused("there is a %00, which no value may contain: leave the %00 out".into()));
    }
    let config: Config = kept.parse().map_err(|error: tokio_postgres::Error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        // An error that begins with "unexpected" may quote a part of a password, if the password contains a space.
        let is_shown = !why.starts_with("unexpected");
        let why =
            if is_shown { &why } else { "it is neither a URL nor words such as key=value, with spaces only in '…'" };
        refused(format!("{why}; in a password, write / ? # @ & as %2F %3F %23 %40 %26"))
    })?;
    // Otherwise the store would connect to the address without TLS, because the host is a socket.
    if !config.get_hostaddrs().is_empty() && config.get_hosts().iter().any(is_socket) {
        return Err(refused("there is a hostaddr beside the directory of a socket: leave one of the two out".into()));
    }
    refuse_repeated(&taken)?;
    let mut parameters =
        Parameters { config, schema: Schema::default(), tls: Settings::default(), ignored: Vec::new() };
    let mut files = Certificates::default();
    // An unknown name may be the end of a password, if the password contains an & or a space.
    let is_shown = !text.contains("password");
    for (name, value) in &taken {
        parameters.take(name, value, &mut files).map_err(|why| match why {
            Why::Unknown if is_shown => {
                let remedy =
                    "correct the name or remove the option: see the parameters in PostgresStore's documentation";
                refused(format!("unknown option `{name}`: {remedy}"))
            }
            Why::Unknown => refused("a parameter is unknown or invalid: in a password, write & as %26".into()),
            Why::Invalid(why) => refused(why),
        })?;
    }
    parameters.tls = files.settings(&parameters.config)?;
    parameters.config.ssl_mode(parameters.tls.mode.of_the_client());
    parameters.name_hosts();
    Ok(parameters)
}

/// Fails if the connection string gives one parameter under two names, such as `sslmode` and `ssl-mode`. It would be
/// unclear which of the two values counts.
fn refuse_repeated(taken: &[(String, String)]) -> Result<(), StoreError> {
    for (at, (name, _)) in taken.iter().enumerate() {
        let before = taken.iter().take(at).find(|(before, _)| canonical(before) == canonical(name));
        if let Some((before, _)) = before {
            return Err(refused(format!(
                "`{before}` and `{name}` are two names of one option: give only one of the two"
            )));
        }
    }
    Ok(())
}

/// Returns the name that libpq has for the option `name`, such as `sslmode` for `ssl-mode`. Other names are returned
/// unchanged.
fn canonical(name: &str) -> &str {
    match name {
        "ssl" | "ssl-mode" => "sslmode",
        "ssl-root-cert" | "ssl-ca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        "keepalives_retries" => "keepalives_count",
        name => name,
    }
}

fn refused(why: String) -> StoreError {
    StoreError::Url { why }
}

fn is_of_others(name: &str) -> bool {
    // Some clients write a setting of a session like this: `options[search_path]`.
    OF_OTHERS.contains(&name) || name.starts_with("options[")
}

/// The reason why a parameter is refused. The reason does not contain the value of the parameter.
enum Why {
    Unknown,
    Invalid(String),
}

impl From<String> for Why {
    fn from(why: String) -> Self {
        Self::Invalid(why)
    }
}

/// The values of the parameters for certificates. Each value is valid, but the combination of the values was not
/// checked yet.
#[derive(Default)]
struct Certificates {
    mode: Option<Mode>,
    roots: Option<Roots>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Whether the connection string contains `sslcertmode=disable`. The client then presents no certificate to the
    /// server, and ignores `certificate` and `key`.
    shows_none: bool,
}

/// The maximum number of keepalive probes that Linux accepts.
const MOST_KEEPALIVES: u32 = 127;

impl Parameters {
    fn take(&mut self, name: &str, value: &str, files: &mut Certificates) -> Result<(), Why> {
        let invalid = |give: &str| Why::Invalid(format!("invalid value for option `{name}`: give {give}"));
        match (canonical(name), value) {
            ("schema", _) => self.schema = Schema::named(value)?,
            // In a URL, libpq reads `ssl=true` as `sslmode=require`.
            ("sslmode", "true") if name == "ssl" => files.mode = Some(Mode::Require),
            ("sslmode", _) if name == "ssl" => return Err(invalid("true, or sslmode")),
            ("sslmode", _) => files.mode = Some(Mode::named(value)?),
            ("sslrootcert", "system") => files.roots = Some(Roots::Platform),
            ("sslrootcert", path) => files.roots = Some(Roots::File(absolute(name, path)?)),
            ("sslcert", path) => files.certificate = Some(absolute(name, path)?),
            ("sslkey", path) => files.key = Some(absolute(name, path)?),
            ("sslcertmode", "disable") => files.shows_none = true,
            ("target_session_attrs", "any") => {}
            // Only a server that accepts writes can grant leases. If there are several hosts, the store looks for such
            // a server in any case.
            ("target_session_attrs", "primary" | "read-write" | "prefer-standby") => {
                self.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
            }
            ("target_session_attrs", _) => {
                return Err(invalid("any, read-write or primary, because a server that only reads grants nothing"));
            }
            // As in libpq, 0 means the default of the operating system.
            ("keepalives_count", "0") => {}
            ("keepalives_count", _) => {
                let count = value.parse().ok().filter(|count| (1..=MOST_KEEPALIVES).contains(count));
                self.config.keepalives_retries(count.ok_or_else(|| invalid("a number from 0 to 127"))?);
            }
            // The value is in milliseconds, as in libpq.
            ("tcp_user_timeout", _) => {
                self.config.tcp_user_timeout(Duration::from_millis(u64::from(
                    value.parse::<u32>().map_err(|_| invalid("milliseconds, up to 4294967295"))?,
                )));
            }
            ("gssencmode", "disable" | "prefer")
            | ("sslcertmode", "allow")
            | ("ssl_min_protocol_version", "" | "TLSv1" | "TLSv1.1" | "TLSv1.2") => self.ignored.push(name.into()),
            ("gssencmode", _) => return Err(invalid("disable or prefer, because this client has no GSSAPI")),
            ("sslcertmode", _) => return Err(invalid("disable or allow")),
            ("ssl_min_protocol_version", _) => return Err(invalid("TLSv1.2, or set TLSv1.3 on the server")),
            _ if is_of_others(name) => self.ignored.push(name.into()),
            _ => {
                let known = REFUSED.iter().find(|(refused, _)| *refused == name);
                return Err(known.map_or(Why::Unknown, |(_, why)| Why::Invalid(format!("option `{name}`: {why}"))));
            }
        }
        Ok(())
    }

    /// If the connection string gives addresses (`hostaddr`) but no hosts, uses each address also as the name of a
    /// host, because TLS needs a name.
    fn name_hosts(&mut self) {
        if self.config.get_hosts().is_empty() {
            for address in self.config.get_hostaddrs().to_vec() {
                self.config.host(address.to_string());
            }
        }
    }
}

impl Certificates {
    fn settings(self, config: &Config) -> Result<Settings, StoreError> {
        let is_platform = self.roots == Some(Roots::Platform);
        let mode = self.mode.unwrap_or(if is_platform { Mode::VerifyFull } else { Mode::default() });
        if is_platform && mode != Mode::VerifyFull {
            return Err(refused(
                "sslrootcert=system trusts authorities that sign for any host: give sslmode=verify-full with it".into(),
            ));
        }
        if config.get_ssl_negotiation() == SslNegotiation::Direct && mode < Mode::Require {
            return Err(refused("sslnegotiation=direct begins with TLS: give sslmode=require or more with it".into()));
        }
        let identity = match (self.certificate, self.key) {
            _ if self.shows_none => None,
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => return Err(refused("there is only one of sslcert and sslkey: give both, or none".into())),
        };
        Ok(Settings { mode, roots: self.roots, identity })
    }
}

#[cfg(test)]
mod tests;
