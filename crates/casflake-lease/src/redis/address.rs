//! `Address`: the address and the database of a Redis server, from a URL.

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo};

use crate::tls::{PARAMETERS, TlsFiles};
use crate::url::{Authority, HOST, StoreUrl, check_host, local_path, parameters, unknown};

/// The schemes that the crate `redis` accepts.
pub(crate) const SCHEMES: &[&str] = &["redis", "rediss", "valkey", "valkeys", "redis+unix", "valkey+unix", "unix"];

const SCHEMES_OF_TLS: &[&str] = &["rediss", "valkeys"];

pub(super) struct Address {
    pub(super) info: ConnectionInfo,
    pub(super) tls: Option<TlsFiles>,
}

/// Parses a URL with the crate `redis`. Before that, refuses the parts that the crate would ignore, guess or change:
/// unknown parameters, a database that is not a number (such as `0/x`), a user without a password, and segments `.` and
/// `..` in the path of a socket.
pub(super) fn parse(url: &StoreUrl<'_>) -> Result<Address, String> {
    url.check_scheme(SCHEMES)?;
    let (path, tls) = if url.is_local() {
        check_socket(url)?;
        (Some(local_path(url)?), None)
    } else {
        (None, check_server(url)?)
    };
    // The crate gets a scheme without TLS, because its own TLS uses one provider of cryptography for the whole process.
    let scheme = if tls.is_some() { "redis" } else { &url.scheme };
    let info: ConnectionInfo = url.server_by(scheme).parse().map_err(|error: redis::RedisError| error.to_string())?;
    Ok(Address {
        info: match path {
            Some(path) => info.set_addr(ConnectionAddr::Unix(path)),
            None => info,
        },
        tls,
    })
}

/// Checks the URL of a server. Returns the files for TLS, if the scheme asks for TLS.
fn check_server(url: &StoreUrl<'_>) -> Result<Option<TlsFiles>, String> {
    let Some(Authority { user, hosts }) = &url.authority else {
        return Err(format!("the URL does not begin with {}://", url.scheme));
    };
    check_host(hosts, HOST)?;
    // The crate logs in only if there is a password.
    if user.is_some_and(|user| user.split_once(':').is_none_or(|(_, password)| password.is_empty())) {
        return Err("there is a user without a password: give user:password@ or :password@, or leave the @ out".into());
    }
    match url.path.strip_prefix('/') {
        None | Some("") => {}
        Some(database) => check_database(database)?,
    }
    let parameters = parameters(url)?;
    let is_tls = SCHEMES_OF_TLS.contains(&&*url.scheme);
    for (name, _) in &parameters {
        match *name {
            "protocol" => {}
            name if TlsFiles::is_one(name) && is_tls => {}
            name if TlsFiles::is_one(name) => {
                return Err(format!("the parameter {name} is for TLS: write {0}s:// in place of {0}://", url.scheme));
            }
            name if is_tls => return Err(unknown(name, None, &format!("protocol, {PARAMETERS}"))),
            name => return Err(unknown(name, None, "protocol")),
        }
    }
    is_tls.then(|| TlsFiles::of(&parameters)).transpose()
}

fn check_socket(url: &StoreUrl<'_>) -> Result<(), String> {
    let (mut has_user, mut has_password, mut before) = (false, false, None);
    for (name, value) in parameters(url)? {
        match name {
            "db" => check_database(value)?,
            "user" => has_user = true,
            "pass" => has_password = !value.is_empty(),
            "protocol" => {}
            _ => return Err(unknown(name, before, "db, user, pass and protocol")),
        }
        before = Some(name);
        // The crate decodes the query like a web form, in which + means a space.
        if value.contains('+') {
            return Err("there is a + in the query, which would be read as a space: write %2B or %20".into());
        }
        // The crate would replace all bytes that are not UTF-8 by the same character.
        if percent_decode_str(value).decode_utf8().is_err() {
            return Err("a parameter of the query is not UTF-8".into());
        }
    }
    if has_user && !has_password {
        return Err("there is a user without a password: give pass, too".into());
    }
    Ok(())
}

fn check_database(text: &str) -> Result<(), String> {
    // `parse` accepts a plus sign and leading zeros. The comparison refuses both.
    let is_number = text.parse::<u32>().is_ok_and(|number| number.to_string() == text);
    if is_number { Ok(()) } else { Err("its database is not a number, such as 0".into()) }
}
