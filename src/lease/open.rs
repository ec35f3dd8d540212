//! A store by its URL.

use std::boxed::Box;
use std::format;
use std::string::String;

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
    open_server(scheme)
}

fn open_server(scheme: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    match scheme {
        "postgres" | "postgresql" => Err(lacks("postgres")),
        "redis" | "rediss" | "redis+unix" | "unix" => Err(lacks("redis")),
        "etcd" | "etcds" => Err(lacks("etcd")),
        _ => Err(StoreError::Url {
            why: format!("{scheme}: is no scheme of a store: give file:, postgres:, redis: or etcd:"),
        }),
    }
}

fn lacks(feature: &str) -> StoreError {
    StoreError::Url { why: String::from("this program was built without casflake's feature ") + feature }
}
