//! `from_url`: finds the store that a URL names.

use std::path::PathBuf;

use crate::error::StoreError;
use crate::file::FileStore;
use crate::generator::noted;
use crate::store::LeaseAdmin;
use crate::url::{StoreUrl, local_path};

/// Returns the store that a URL names, for programs that read the URL from their configuration. Does not connect yet.
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
/// A server can hold several ID spaces. `#NAME` at the end of the URL chooses one of them. Without `#NAME` the space is
/// `default`. Processes of different spaces issue the same IDs, so all processes that must not repeat each other's IDs
/// need the same store and the same name of the space. The name has 1 to 128 characters of the *alphabet of a space's
/// name*: the ASCII letters and digits and `-._~/:`. A `#` without a name is refused. A directory has only one ID
/// space, so its URL has no `#NAME`.
///
/// # White space and other characters
/// White space around the URL, such as the line break at the end of a secret, is removed. A byte order mark before the
/// URL is removed, too. Within the URL, white space, control characters and invisible characters are refused.
/// Characters outside ASCII are refused in the host and in the name of the space. In the other parts, a character can
/// be percent-encoded, such as `%20` for a blank. The case of the scheme does not matter.
///
/// In the name of a user, in a password and in a parameter, write `/ ? # @ & %` as `%2F %3F %23 %40 %26 %25`.
/// Parameters that the store does not know, or that are given twice, are refused. But `PostgresStore` skips parameters
/// that are meant for other clients of PostgreSQL, so that the same URL works for this store and for those clients.
/// [`LeaseAdmin::notes`] names the skipped parameters. With the feature `tracing`, this function logs these notes as
/// warnings.
///
/// # Parameters for PostgreSQL
/// These parameters stand behind the `?` of a URL. In the other form of text that `PostgresStore::from_url` accepts,
/// they are written as `key=value`:
///
#[doc = include_str!("postgres/parameters.md")]
///
/// # TLS
/// `rediss://`, `valkeys://` and `etcds://` use TLS 1.2 or 1.3. The server's certificate must be for the host in the
/// URL, and a trusted authority must have signed it. These parameters are absolute paths of files in the PEM format:
///
/// | parameter | file |
/// |---|---|
/// | `sslrootcert` | the certificates of the trusted authorities; they replace those of the platform |
/// | `sslcert` | this client's certificate, if the server requires one, and the intermediate certificates after it |
/// | `sslkey` | the private key of the certificate in `sslcert`, without a passphrase |
///
/// ```
/// # #[cfg(all(feature = "redis", unix))]
/// casflake_lease::from_url("rediss://ids.example/0?sslrootcert=/etc/ids/ca.pem#orders")?;
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
///
/// The files are read for each connection. `EtcdStore` is an exception: it reads the files before the first connection,
/// and again after a connection has failed. The crate `rustls-native-certs` finds the platform's authorities. It
/// consults the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR`. A self-signed certificate of a server is
/// trusted if the file `sslrootcert` contains the certificate and the certificate is not marked as that of an
/// authority. To make such a certificate with `openssl req -x509`, add `-addext basicConstraints=critical,CA:FALSE`. If
/// the scheme of the URL requires TLS but the server does not support TLS, each call of the store fails before the
/// store sends a password or a request for a lease.
///
/// # Directories
/// `file:/srv/ids`, `file:///srv/ids` and `file://localhost/srv/ids` are the same directory (RFC 8089). On Windows,
/// `file:///C:/ids` is `C:\ids`. Percent-encoded bytes are decoded, as in `file:/srv/my%20ids`. These paths are
/// refused: a path of another host, a relative path, the root directory, a path with a segment `.` or `..`, and a path
/// that contains `%00`, `%2F` or `?`.
///
/// # Errors
/// [`StoreError::Url`] if the URL breaks one of these rules, does not name a store, or names a store whose feature is
/// not enabled. The error does not show the URL, because it may contain a password.
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
                "this program was built without a store for the URL scheme {scheme}: give a URL that begins with \
                 file:, or enable the feature of casflake-lease for postgres:, redis: or etcd:"
            ),
        }),
    }
}

fn directory(url: &StoreUrl<'_>) -> Result<PathBuf, String> {
    if url.name.is_some() {
        return Err("a directory has one ID space and no #NAME: use another directory for another space, or write \
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
            Ok(_) => panic!("{url:?} is accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_text_that_is_not_a_url_is_refused_and_not_shown() {
        for url in ["", "/tmp", "password=secret host=h options=a:b", "secret word:x", "user:secret@host", "nfs:secret"]
        {
            let why = refusal(url);
            assert!(
                ["scheme", "built without a store", "is empty"].iter().any(|words| why.contains(words)),
                "{url:?}: {why}"
            );
            assert!(!why.contains("secret"), "{url:?}: {why}");
        }
    }

    #[test]
    fn the_url_of_a_directory_can_not_name_a_space() {
        assert!(from_url(if cfg!(windows) { "file:///C:/ids" } else { "file:/tmp" }).is_ok());
        assert!(refusal("file:/tmp#orders").contains("a directory has one ID space"));
        assert!(refusal("file:").contains("has no path"));
    }

    /// Would catch: the name of a user is contacted as if it were a host, and a part of a password is shown as a port.
    #[test]
    fn a_password_is_not_split_at_a_hash_sign() {
        for scheme in ["postgres", "redis", "etcd"] {
            let why = refusal(&format!("{scheme}://u:12345#6@h"));
            assert!(why.contains("%23") && !why.contains("123"), "{why}");
        }
    }

    #[cfg(feature = "etcd")]
    #[test]
    fn the_store_does_not_split_a_password_at_a_hash_sign() {
        let why = crate::EtcdStore::from_url("etcd://u:12345#6@h").unwrap_err().to_string();
        assert!(why.contains("%23") && !why.contains("123"), "{why}");
    }
}
