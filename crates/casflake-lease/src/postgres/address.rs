//! Prepares a connection string for the parser of `tokio-postgres`.

use crate::error::StoreError;
use crate::url::{Authority, HOST, StoreUrl, check_host, parameters, trimmed};

pub(crate) const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// The characters that the directory of a Unix socket may contain in a URL, apart from ASCII letters and digits. The
/// directory takes the place of a host, and its slashes are percent-encoded: `%2Fvar%2Frun`.
const SOCKET: &str = "-._~%";

/// Returns a connection string for the parser of `tokio-postgres`, and the name of the space. Refuses a text whose
/// meaning is not clear, such as a URL that gives the user twice.
pub(super) fn parse(text: &str) -> Result<(String, String), StoreError> {
    let text = trimmed(text);
    // The text consists of words such as host=…, with spaces between the words.
    if text.find([':', '=']).is_some_and(|at| text[at..].starts_with('=')) {
        return Ok((text.into(), "default".into()));
    }
    let url = StoreUrl::parse(text)?;
    check(&url).map_err(|why| StoreError::Url { why })
}

fn check(url: &StoreUrl<'_>) -> Result<(String, String), String> {
    url.check_scheme(SCHEMES)?;
    let Some(Authority { user, hosts }) = &url.authority else {
        return Err(format!("the URL does not begin with {}://", url.scheme));
    };
    for host in hosts.split(',').filter(|_| !hosts.is_empty()) {
        let is_socket = host.starts_with("%2F") || host.starts_with("%2f");
        check_host(host, if is_socket { SOCKET } else { HOST })?;
    }
    if user.is_some_and(|user| user.is_empty() || user.starts_with(':')) {
        return Err("the user is empty: give a user before the @, or leave the @ out".into());
    }
    let database = url.path.strip_prefix('/').unwrap_or_default();
    if database.contains('/') {
        return Err("there is a / in the name of the database: write %2F".into());
    }
    let is_given = |name| match name {
        "user" => user.is_some(),
        "password" => user.is_some_and(|user| user.contains(':')),
        "host" | "port" => !hosts.is_empty(),
        "dbname" => !database.is_empty(),
        _ => false,
    };
    if let Some((name, _)) = parameters(url)?.into_iter().find(|(name, _)| is_given(*name)) {
        return Err(format!(
            "the URL gives the {name} twice, in the query and before the query: give the {name} only once"
        ));
    }
    Ok((url.server(), url.space()?.into()))
}
