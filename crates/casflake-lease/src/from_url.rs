//! A store by its URL.

use std::path::PathBuf;

use crate::error::StoreError;
use crate::file::FileStore;
use crate::generator::noted;
use crate::store::LeaseAdmin;
use crate::url::{StoreUrl, local_path};

/// Returns the store that a URL names, for programs that read it from their configuration. Connects to nothing yet.
///
/// | URL | store |
/// |---|---|
/// | `file:/DIRECTORY` | [`FileStore`] |
/// | `postgres://…` | `PostgresStore`, with the feature `postgres` |
/// | `redis://…`, `rediss://…` | `RedisStore`, with the feature `redis` |
/// | `etcd://HOST:PORT,…`, `etcds://…` | `EtcdStore`, with the feature `etcd` |
///
/// ```
/// let store = casflake_lease::from_url("file:/var/lib/ids")?;
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
///
/// # Spaces
/// `#NAME` at the end chooses one of several ID spaces of one server; without it the space is `default`. Processes of
/// different spaces issue the same IDs. So a name means one space only: it has 1 to 128 characters of the *alphabet of
/// a space's name*, which are the ASCII letters and digits and `-._~/:`. A `#` without a name is refused. A directory
/// has one ID space and no name.
///
/// # White space and other characters
/// White space around the URL, such as the line break at the end of a secret, and a byte order mark before it are
/// trimmed. Within the URL white space, control characters and invisible characters are refused, and so are characters
/// outside ASCII in the host and in the name. Elsewhere they can be percent-encoded, as `%20` for a blank. The case of
/// the scheme does not matter.
///
/// In a user, a password and a parameter `/ ? # @ & %` are written `%2F %3F %23 %40 %26 %25`. Parameters that the store
/// does not know, or that are given twice, are refused. `PostgresStore` skips those that only other clients of PostgreSQL
/// know, so that one URL serves both: [`LeaseAdmin::notes`] names them, and with the feature `tracing` this function does,
/// as a warning.
///
/// # Parameters for PostgreSQL
/// Behind the `?`, or as `key=value` in what `PostgresStore::from_url` takes:
///
#[doc = include_str!("postgres/parameters.md")]
///
/// # TLS
/// `rediss://`, `valkeys://` and `etcds://` are TLS 1.2 or 1.3: the server's certificate must be for the host in the URL
/// and signed by an authority that is trusted. Parameters name files in the PEM format, by absolute paths:
///
/// | parameter | file |
/// |---|---|
/// | `sslrootcert` | the certificates of the authorities that are trusted, instead of the platform's |
/// | `sslcert` | a certificate of this client's, for servers that want one, with those between it and its authority |
/// | `sslkey` | its key, without a passphrase |
///
/// ```
/// # #[cfg(all(feature = "redis", unix))]
/// casflake_lease::from_url("rediss://ids.example/0?sslrootcert=/etc/ids/ca.pem#orders")?;
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
///
/// The files are read when a connection is made; by `EtcdStore` first, and again when a connection has failed. The
/// platform's authorities are found by the crate `rustls-native-certs`, which consults the variables `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`. A certificate that has signed itself is trusted if `sslrootcert` names it and it is no authority's own:
/// `openssl req -x509` makes such a one only with `-addext basicConstraints=critical,CA:FALSE`. A server without TLS is refused, and is sent neither a password nor a lease.
///
/// # Directories
/// `file:/srv/ids`, `file:///srv/ids` and `file://localhost/srv/ids` are the same directory (RFC 8089), and on Windows
/// `file:///C:/ids` is `C:\ids`. Percent-encoded bytes are decoded, as in `file:/srv/my%20ids`. These paths are
/// refused: one of another host, a relative one, the root directory, one with a segment `.` or `..`, and one with a
/// `%00`, a `%2F` or a `?` in it.
///
/// # Errors
/// [`StoreError::Url`] if the URL breaks one of these rules, names no store, or names one whose feature is off. The
/// error does not show the URL, because a password may be in it.
pub fn from_url(url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    let store = named(url)?;
    store.notes().iter().for_each(|note| noted(note));
    Ok(store)
}

fn named(url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    let parsed = StoreUrl::parse(url)?;
    match &*parsed.scheme {
        "file" => match directory(&parsed) {
            Ok(directory) => Ok(Box::new(FileStore::new(directory))),
            Err(why) => Err(StoreError::Url { why }),
        },
        #[cfg(feature = "postgres")]
        scheme if crate::postgres::SCHEMES.contains(&scheme) => Ok(Box::new(crate::PostgresStore::from_url(url)?)),
        #[cfg(feature = "redis")]
        scheme if crate::redis::SCHEMES.contains(&scheme) => Ok(Box::new(crate::RedisStore::from_url(url)?)),
        #[cfg(feature = "etcd")]
        scheme if crate::etcd::SCHEMES.contains(&scheme) => Ok(Box::new(crate::EtcdStore::from_url(url)?)),
        scheme => Err(StoreError::Url {
            why: format!(
                "{scheme}: is not a store that this program was built with: give file:, or postgres:, redis: or etcd: \
                 with casflake's feature of that name"
            ),
        }),
    }
}

fn directory(url: &StoreUrl<'_>) -> Result<PathBuf, String> {
    if url.name.is_some() {
        return Err("a directory has one ID space and no #NAME: choose another directory for another space, or write \
                    %23 if the # is part of the path"
            .into());
    }
    if url.query.is_some() {
        return Err("there is a ? in the path of the directory: write %3F".into());
    }
    local_path(url)
}

#[cfg(test)]
mod tests {

    use super::from_url;

    fn refusal(url: &str) -> String {
        match from_url(url) {
            Ok(_) => panic!("{url:?} is taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_shown() {
        for url in ["", "/tmp", "password=secret host=h options=a:b", "secret word:x", "user:secret@host", "nfs:secret"]
        {
            let why = refusal(url);
            assert!(
                ["scheme", "not a store that", "is empty"].iter().any(|words| why.contains(words)),
                "{url:?}: {why}"
            );
            assert!(!why.contains("secret"), "{url:?}: {why}");
        }
    }

    #[test]
    fn a_directory_has_no_name_of_a_space() {
        assert!(from_url(if cfg!(windows) { "file:///C:/ids" } else { "file:/tmp" }).is_ok());
        assert!(refusal("file:/tmp#orders").contains("a directory has one ID space"));
        assert!(refusal("file:").contains("names no path"));
    }

    /// Would catch: a user that is asked as if it were a host, and half of a password that is shown as its port.
    #[test]
    fn a_password_is_not_cut_in_two() {
        for scheme in ["postgres", "redis", "etcd"] {
            let why = refusal(&format!("{scheme}://u:12345#6@h"));
            assert!(why.contains("%23") && !why.contains("123"), "{why}");
        }
    }

    #[cfg(feature = "etcd")]
    #[test]
    fn a_password_is_not_cut_in_two_by_the_store_itself() {
        let why = crate::EtcdStore::from_url("etcd://u:12345#6@h").unwrap_err().to_string();
        assert!(why.contains("%23") && !why.contains("123"), "{why}");
    }
}
