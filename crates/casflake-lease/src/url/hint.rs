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
        return "the text is empty: give a URL, such as file:/srv/ids".to_owned();
    }
    if text.starts_with(is_quote) {
        return "the text is in quotes: leave the quotes out".to_owned();
    }
    if let Some((name, value)) = text.split_once('=')
        && is_variable(name)
        && starts_with_store(value.trim_start_matches(is_quote))
    {
        return format!("the text begins with {name}=: leave {name}= out");
    }
    if text.starts_with('/') {
        return "the text is a path without a scheme: write file: before the path, as in file:/srv/ids".to_owned();
    }
    if ["./", "../", "~"].iter().any(|start| text.starts_with(start)) {
        return "the text is a relative path without a scheme: give the absolute path, as in file:/srv/ids".to_owned();
    }
    "the text has no scheme, such as file: or redis:".to_owned()
}

/// Refuses schemes that callers write by mistake, such as `http`. No store has these schemes. The error says how to
/// write the URL instead, because this helps more than a list of all schemes. `rest` is the text after the `:` of the
/// scheme.
pub(super) fn check_scheme(scheme: &str, rest: &str) -> Result<(), String> {
    match scheme {
        "http" | "https" => Err(format!(
            "{scheme}: is not the scheme of a store: for etcd write etcd:// instead of http://, and etcds:// instead \
             of https://"
        )),
        "jdbc" if starts_with_store(rest) => Err("the text begins with jdbc:, as for Java: leave jdbc: out".to_owned()),
        _ if scheme.len() == 1 => {
            Err("the text is a path without a scheme: write file:///C:/ids for C:\\ids".to_owned())
        }
        _ if !SCHEMES.contains(&scheme) && is_number(rest) => {
            Err("the text is a host and a port without a scheme: write a URL, as in redis://HOST:PORT".to_owned())
        }
        _ => match scheme.split_once('+') {
            // SQLAlchemy and other clients name a driver in this way.
            Some((store, _)) if SCHEMES.contains(&store) && !SCHEMES.contains(&scheme) => {
                Err(format!("the scheme ends with a + and the name of a driver: write {store}:// instead"))
            }
            _ => Ok(()),
        },
    }
}

/// Returns whether `name` looks like the name of an environment variable, alone or after the word `export`. The hint
/// may show a `name` for which this is true: in `IDS=redis://h`, the text before the `=` is not a part of the URL, and
/// so contains no password.
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
    /// Would catch: a store's scheme that is missing in `SCHEMES`. `check_scheme` could then mistake a URL of this
    /// store for a host and a port, or for a URL with the name of a driver.
    #[cfg(all(feature = "etcd", feature = "postgres", feature = "redis"))]
    #[test]
    fn the_schemes_of_the_stores_and_of_the_hints_are_the_same() {
        let stores = [&["file"], crate::postgres::SCHEMES, crate::redis::SCHEMES, crate::etcd::SCHEMES].concat();
        assert_eq!(stores, super::SCHEMES);
    }
}
