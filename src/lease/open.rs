//! A store by its URL.

use std::boxed::Box;
use std::format;

use super::error::StoreError;
use super::file::FileStore;
use super::store::LeaseAdmin;

/// The store that a URL names, for programs that are told by their configuration. Nothing is connected to yet.
///
/// | URL | store |
/// |---|---|
/// | `file:DIRECTORY` | [`FileStore`] |
/// | `postgres://…` | `PostgresStore`, with the feature `postgres` |
/// | `redis://…` | `RedisStore`, with the feature `redis` |
/// | `etcd://HOST:PORT,…` | `EtcdStore`, with the feature `etcd` |
///
/// `#NAME` at the end chooses one of several ID spaces of one server.
///
/// ```
/// let store = casflake::lease::open("file:/var/lib/ids")?;
/// # Ok::<(), casflake::lease::StoreError>(())
/// ```
///
/// # Errors
/// [`StoreError::Url`]: it names no store, or one whose feature is not on.
pub fn open(url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(StoreError::Url { why: "it has no scheme, such as file: or redis:".into() });
    };
    if scheme == "file" {
        let directory = rest.strip_prefix("//").unwrap_or(rest);
        if directory.is_empty() {
            return Err(StoreError::Url { why: "file: names no directory".into() });
        }
        return Ok(Box::new(FileStore::open(directory)));
    }
    open_server(scheme, url)
}

fn open_server(scheme: &str, url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    #[cfg_attr(
        not(any(feature = "etcd", feature = "postgres", feature = "redis")),
        expect(unused_variables, reason = "no server is known")
    )]
    let (url, space) = url.split_once('#').unwrap_or((url, "default"));
    match scheme {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Box::new(super::PostgresStore::open(url)?.space(space))),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "unix" => Ok(Box::new(super::RedisStore::open(url)?.space(space))),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => Ok(Box::new(super::EtcdStore::open(url)?.space(space))),
        _ => Err(StoreError::Url {
            why: format!(
                "{scheme}: is no store that this program was built for: give file:, or postgres:, redis: or etcd: with \
                 casflake's feature of that name"
            ),
        }),
    }
}
