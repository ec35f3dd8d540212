//! `Address`: the endpoints of etcd, the user, and the files for TLS.

use percent_encoding::percent_decode_str;
use ureq::http::Uri;

use crate::error::StoreError;
use crate::tls::{PARAMETERS, TlsFiles};
use crate::url::{Authority, HOST, StoreUrl, check_host, parameters, unknown};

/// The port on which etcd listens by default.
const PORT: u16 = 2379;

pub(crate) const SCHEMES: &[&str] = &["etcd", "etcds"];

pub(super) struct Address {
    /// The scheme, host and port of each member, such as `http://a:2379`.
    pub(super) endpoints: Vec<String>,
    pub(super) user: Option<User>,
    /// The files for TLS, if the scheme is `etcds`.
    pub(super) tls: Option<TlsFiles>,
}

pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

impl Address {
    pub(super) fn parse(url: &StoreUrl<'_>) -> Result<Self, StoreError> {
        Self::try_parse(url).map_err(|why| StoreError::Url { why })
    }

    /// Converts `url` to an address. The error is a sentence that does not show the URL itself, because there may be a
    /// password in the URL.
    fn try_parse(url: &StoreUrl<'_>) -> Result<Self, String> {
        let scheme = &*url.scheme;
        url.check_scheme(SCHEMES)?;
        let Some(Authority { user, hosts }) = &url.authority else {
            return Err(format!("the URL does not begin with {scheme}://"));
        };
        if !matches!(url.path, "" | "/") {
            return Err("the URL has a path: give hosts and ports only".into());
        }
        let parameters = parameters(url)?;
        let is_tls = scheme == "etcds";
        for (name, _) in &parameters {
            if !TlsFiles::is_one(name) {
                return Err(unknown(name, None, PARAMETERS));
            }
            if !is_tls {
                return Err(format!("the parameter {name} is for TLS: write etcds:// in place of etcd://"));
            }
        }
        let tls = is_tls.then(|| TlsFiles::of(&parameters)).transpose()?;
        let user = user.map(User::parse).transpose()?;
        let mut endpoints: Vec<String> = Vec::new();
        for host in hosts.split(',') {
            let endpoint = endpoint(scheme, host)?;
            // A repeated endpoint is probably a mistake. If it failed, the next request would go to the same endpoint
            // again.
            if endpoints.contains(&endpoint) {
                return Err("an endpoint is repeated: give each one once".into());
            }
            endpoints.push(endpoint);
        }
        Ok(Self { endpoints, user, tls })
    }
}

impl User {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, password) = text.split_once(':').ok_or("there is a user without a password")?;
        if name.is_empty() || password.is_empty() {
            return Err("the user or the password is empty: give both before the @, or leave the @ out".into());
        }
        let decoded = |text| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let not_utf_8 = |_| "the user or the password is not UTF-8";
        Ok(Self { name: decoded(name).map_err(not_utf_8)?, password: decoded(password).map_err(not_utf_8)? })
    }
}

/// Returns the endpoint that `text` names, such as `http://a:2379`. `text` is a host, with or without a port, and with
/// or without `scheme` and `://` before it. The host is converted to lower case, because the case makes no difference
/// when a host name is looked up.
fn endpoint(scheme: &str, text: &str) -> Result<String, String> {
    let host = match text.split_once("://") {
        Some((again, host)) if again.eq_ignore_ascii_case(scheme) => host,
        Some(_) => return Err(format!("an endpoint has a scheme other than {scheme}")),
        None => text,
    };
    let host = host.strip_suffix('/').unwrap_or(host).to_ascii_lowercase();
    check_host(&host, HOST)?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let protocol = if scheme == "etcds" { "https" } else { "http" };
    let endpoint = if has_port { format!("{protocol}://{host}") } else { format!("{protocol}://{host}:{PORT}") };
    // The endpoint is checked in the form that it has in each request.
    let uri = endpoint.parse::<Uri>();
    uri.map(|_| endpoint).map_err(|_| "there is something other than a host and a port in the list of hosts".into())
}

/// Returns `endpoint` with the scheme of a store's URL: `etcd` in place of `http`, or `etcds` in place of `https`.
pub(super) fn shown(endpoint: &str) -> String {
    endpoint.replacen("http", "etcd", 1)
}

#[cfg(test)]
mod tests {

    use super::{Address, shown};
    use crate::error::StoreError;
    use crate::url::StoreUrl;

    fn parse(url: &str) -> Result<Address, StoreError> {
        Address::parse(&StoreUrl::parse(url)?)
    }

    #[test]
    fn an_address_has_one_endpoint_or_several() {
        for (url, endpoints) in [
            ("etcd://a", &["http://a:2379"][..]),
            ("etcd://a:1,b,[::1]:3,[::1]/", &["http://a:1", "http://b:2379", "http://[::1]:3", "http://[::1]:2379"]),
            ("etcds://a,b:1", &["https://a:2379", "https://b:1"]),
        ] {
            let address = parse(url).unwrap();
            assert_eq!(address.endpoints, endpoints, "{url}");
            assert!(address.user.is_none(), "{url}");
            assert!(shown(&address.endpoints[0]).starts_with(url.split(',').next().unwrap()), "{url}");
        }
    }

    #[test]
    fn an_address_may_name_a_user() {
        let Address { endpoints, user, .. } = parse("etcd://le%40a:p%3a%2F@a:1,b:2").unwrap();
        let user = user.unwrap();
        assert_eq!((&*user.name, &*user.password), ("le@a", "p:/"));
        assert_eq!(endpoints, ["http://a:1", "http://b:2"]);
    }

    #[test]
    fn an_invalid_address_is_refused_and_not_shown() {
        for url in [
            "",
            "a:1",
            "etcd://",
            "etcd://a,",
            "etcd://a:b",
            "etcd://a:99999",
            "etcd://a/v3",
            "http://a",
            "etcd://a?b",
            "ftp://a",
            "etcd://secret@a",
            "etcd://a b",
            "etcd://a:",
            "etcd://b,http://a",
            "etcd:a",
            "etcd://a,,b",
            "etcd://a,b,A:2379",
            "etcd://u:secret@a,u:secret@b",
            "etcd://:secret@a",
            "etcd://secret:@a",
            "etcd://u:secret/1@a",
            "etcd://[a]",
            "etcd://a%20b",
        ] {
            let Err(error) = parse(url) else { panic!("{url:?} is accepted") };
            let text = format!("{error:?}");
            assert!(text.starts_with("Url") && !text.contains("secret"), "{text}");
        }
    }
}
