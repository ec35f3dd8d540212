//! Hints for a text that does not begin with the scheme of a store. No hint shows the text, because the text may be a
//! password.

/// The schemes of all stores of this crate. The stores of disabled features are included.
const SCHEMES: &[&str] = &[
    "file",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "redis+unix",
    "valkey+unix",
    "unix",
    "etcd",
    "etcds",
];

/// Returns the error text for `text`, which is not a URL because it does not begin with a scheme such as `file:`.
pub(super) fn without_scheme(text: &str) -> String {
    let is_quote = |c: char| "\"'`\u{201c}\u{201d}\u{2018}\u{2019}".contains(c);
    if text.is_empty() {
        return "it is empty: give one, such as file:/srv/ids".to_owned();
    }
    if text.starts_with(is_quote) {
        return "it is in quotes: leave them out".to_owned();
    }
    if let Some((name, value)) = text.split_once('=')
        && is_variable(name)
        && starts_with_store(value.trim_start_matches(is_quote))
    {
        return format!("it begins with {name}=: leave that out");
    }
    if text.starts_with('/') {
        return "it is a path and has no scheme: write file: before it, as in file:/srv/ids".to_owned();
    }
    if ["./", "../", "~"].iter().any(|start| text.starts_with(start)) {
        return "it is a relative path and has no scheme: give the absolute path, as in file:/srv/ids".to_owned();
    }
    "it has no scheme, such as file: or redis:".to_owned()
}

/// Refuses schemes that no store has, but that callers write by mistake, such as `http`. The error says what to write
/// instead. This helps more than a list of all schemes. `rest` is the text after the `:` of the scheme.
pub(super) fn check_scheme(scheme: &str, rest: &str) -> Result<(), String> {
    match scheme {
        "http" | "https" => Err(format!(
            "{scheme}: is not the scheme of a store: for etcd write etcd:// instead of http://, and etcds:// instead \
             of https://"
        )),
        "jdbc" if starts_with_store(rest) => Err("it begins with jdbc:, as for Java: leave that out".to_owned()),
        _ if scheme.len() == 1 => Err("it is a path and has no scheme: write file:///C:/ids for C:\\ids".to_owned()),
        _ if !SCHEMES.contains(&scheme) && is_number(rest) => {
            Err("it is a host and a port and has no scheme: write it as in redis://HOST:PORT".to_owned())
        }
        _ => match scheme.split_once('+') {
            // SQLAlchemy and other clients name a driver in this way.
            Some((store, _)) if SCHEMES.contains(&store) && !SCHEMES.contains(&scheme) => {
                Err(format!("its scheme names a driver after a +: write {store}://"))
            }
            _ => Ok(()),
        },
    }
}

/// Returns whether `name` can be the name of an environment variable, with or without `export` before it. The hint may
/// show such a name: in a line such as `IDS=redis://h`, the name is not a part of the URL, so it contains no password.
fn is_variable(name: &str) -> bool {
    let name = name.strip_prefix("export ").unwrap_or(name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn starts_with_store(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&&*scheme.to_ascii_lowercase()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    /// Would catch: a store's scheme that is missing in `SCHEMES`. The URLs of this store could be mistaken for a host
    /// and a port, or for the URLs of a driver.
    #[cfg(all(feature = "etcd", feature = "postgres", feature = "redis"))]
    #[test]
    fn the_schemes_of_the_stores_and_of_the_hints_are_the_same() {
        let stores = [&["file"], crate::postgres::SCHEMES, crate::redis::SCHEMES, crate::etcd::SCHEMES].concat();
        assert_eq!(stores, super::SCHEMES);
    }
}
