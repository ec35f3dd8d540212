//! `Address`: where etcd is, and who asks.

use std::format;
use std::string::String;
use std::vec::Vec;

use percent_encoding::percent_decode_str;
use ureq::http::Uri;

use crate::lease::error::StoreError;

/// What etcd listens on unless it is told otherwise.
const PORT: u16 = 2379;

pub(super) struct Address {
    /// Scheme, host and port of each member.
    pub(super) endpoints: Vec<String>,
    pub(super) user: Option<User>,
}

pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        Self::try_parse(url).map_err(|why| StoreError::Url { why })
    }

    /// No message shows the text itself, in which there may be a password.
    fn try_parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) =
            url.split_once("://").ok_or("it does not begin with etcd://, etcds://, http:// or https://")?;
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (Some(User::parse(user)?), hosts),
            None => (None, rest),
        };
        let again = format!("{scheme}://");
        let hosts = hosts.split(',').map(|host| host.strip_prefix(&again).unwrap_or(host));
        let endpoints = hosts.map(|host| endpoint(scheme, host.strip_suffix('/').unwrap_or(host)));
        Ok(Self { endpoints: endpoints.collect::<Result<_, _>>()?, user })
    }
}

impl User {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, password) = text.split_once(':').ok_or("there is a user without a password")?;
        let decoded = |text| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let odd = |_| "its user or password is no UTF-8";
        Ok(Self { name: decoded(name).map_err(odd)?, password: decoded(password).map_err(odd)? })
    }
}

fn endpoint(scheme: &str, host: &str) -> Result<String, String> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let (protocol, port) = match scheme {
        "etcd" => ("http", Some(PORT)),
        "etcds" => ("https", Some(PORT)),
        "http" | "https" => (scheme, None),
        _ => return Err(format!("its scheme is {scheme:?}, which is none of etcd, etcds, http and https")),
    };
    let endpoint = match port.filter(|_| !has_port) {
        Some(port) => format!("{protocol}://{host}:{port}"),
        None => format!("{protocol}://{host}"),
    };
    let odd = || format!("{host:?} is no host and port");
    let uri: Uri = endpoint.parse().map_err(|_| odd())?;
    // Nothing but a host and a port: neither a path nor a query, nor a port that is no number.
    let authority = uri.authority().filter(|authority| endpoint.ends_with(authority.as_str()));
    let is_whole = authority.is_some_and(|authority| {
        !authority.host().is_empty() && authority.port_u16().is_some() == (has_port || port.is_some())
    });
    if is_whole { Ok(endpoint) } else { Err(odd()) }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::Address;

    #[test]
    fn an_address_has_one_endpoint_or_several() {
        for (url, endpoints) in [
            ("etcd://a", &["http://a:2379"][..]),
            ("etcd://a:1,b,[::1]:3,[::1]/", &["http://a:1", "http://b:2379", "http://[::1]:3", "http://[::1]:2379"]),
            ("http://a:1,http://b:2", &["http://a:1", "http://b:2"]),
            ("https://etcd.example/", &["https://etcd.example"]),
            ("etcds://a,b:1", &["https://a:2379", "https://b:1"]),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.endpoints, endpoints, "{url}");
            assert!(address.user.is_none(), "{url}");
        }
    }

    #[test]
    fn an_address_may_name_a_user() {
        let Address { endpoints, user } = Address::parse("etcd://le%40a:p%3a%2F@a:1,b:2").unwrap();
        let user = user.unwrap();
        assert_eq!((&*user.name, &*user.password), ("le@a", "p:/"));
        assert_eq!(endpoints, ["http://a:1", "http://b:2"]);
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_shown() {
        for url in [
            "",
            "a:1",
            "etcd://",
            "etcd://a,",
            "etcd://a:b",
            "etcd://a:99999",
            "etcd://a/v3",
            "http://a?b",
            "ftp://a",
            "etcd://secret@a",
            "etcd://a b",
            "http://a:",
            "http://b,etcd://a",
        ] {
            let Err(error) = Address::parse(url) else { panic!("{url:?} is taken") };
            let text = format!("{error:?}");
            assert!(text.starts_with("Url") && !text.contains("secret"), "{text}");
        }
    }
}
