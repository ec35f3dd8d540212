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
/// `#NAME` at the end chooses one of several ID spaces of one server; a directory has one. So a `#` in a password is
/// written `%23`, and no `NAME` has an `@` in it.
///
/// ```
/// let store = casflake::lease::open("file:/var/lib/ids")?;
/// # Ok::<(), casflake::lease::StoreError>(())
/// ```
///
/// # Errors
/// [`StoreError::Url`]: it names no store, or one whose feature is not on.
pub fn open(url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    // Another text before a colon may be anything, such as a password.
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Err(StoreError::Url { why: "it has no scheme, such as file: or redis:".into() });
    };
    if scheme == "file" {
        let directory = rest.strip_prefix("//").unwrap_or(rest);
        if directory.is_empty() {
            return Err(StoreError::Url { why: "file: names no directory".into() });
        }
        if directory.contains('#') {
            let why = "a directory has one ID space, and no #NAME: choose another directory for another space";
            return Err(StoreError::Url { why: why.into() });
        }
        return Ok(Box::new(FileStore::open(directory)));
    }
    open_server(scheme, url)
}

/// The server's URL, and the ID space that it names.
pub(super) fn split_space(url: &str) -> Result<(&str, &str), StoreError> {
    let (server, space) = url.split_once('#').unwrap_or((url, "default"));
    if space.contains('@') {
        // Then what is before it is a user and the half of a password, and would be taken for a host and its port.
        return Err(StoreError::Url { why: "there is an @ after a #: in a password a # is written %23".into() });
    }
    Ok((server, space))
}

fn open_server(scheme: &str, url: &str) -> Result<Box<dyn LeaseAdmin>, StoreError> {
    #[cfg_attr(
        not(any(feature = "etcd", feature = "postgres", feature = "redis")),
        expect(unused_variables, reason = "no server is known")
    )]
    let (url, space) = split_space(url)?;
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

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::open;

    fn refusal(url: &str) -> std::string::String {
        match open(url) {
            Ok(_) => panic!("{url:?} is taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_shown() {
        for url in ["", "/tmp", "password=secret host=h options=a:b", "secret word:x", "user:secret@host", "nfs:secret"]
        {
            let why = refusal(url);
            assert!(why.contains("scheme") || why.contains("no store that"), "{url:?}: {why}");
            assert!(!why.contains("secret"), "{url:?}: {why}");
        }
    }

    #[test]
    fn a_directory_has_no_name_of_a_space() {
        assert!(open("file:/tmp").is_ok());
        assert!(refusal("file:/tmp#orders").contains("a directory has one ID space"));
        assert!(refusal("file:").contains("no directory"));
    }

    /// Would catch: a user that is asked as if it were a host, and half of a password that is shown as its port.
    #[test]
    fn a_password_is_not_cut_in_two() {
        for scheme in ["postgres", "redis", "etcd"] {
            let why = refusal(&std::format!("{scheme}://u:12345#6@h"));
            assert!(why.contains("%23") && !why.contains("123"), "{why}");
        }
    }

    #[cfg(feature = "etcd")]
    #[test]
    fn a_password_is_not_cut_in_two_by_the_store_itself() {
        let why = crate::lease::EtcdStore::open("etcd://u:12345#6@h").unwrap_err().to_string();
        assert!(why.contains("%23") && !why.contains("123"), "{why}");
    }
}
