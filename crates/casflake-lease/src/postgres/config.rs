//! Splits connection strings according to the grammar of libpq.
//!
//! `tokio_postgres` refuses parameters that it does not know, so such parameters are removed first. The rest of the
//! string is not changed.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use crate::error::StoreError;

/// The names and the values of the parameters that were removed from a connection string.
pub(super) type Taken = Vec<(String, String)>;

/// Returns the text without the parameters for which `is_taken` returns true, and the parameters that were removed.
pub(super) fn split(text: &str, is_taken: impl Fn(&str) -> bool) -> Result<(String, Taken), StoreError> {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if is_url { split_url(text, is_taken) } else { split_words(text, is_taken) }
}

/// Fails if the configuration names no database. The default database has the name of the user, and the default user
/// has the name of the operating system's user. So one connection string could mean a different database for each user.
pub(super) fn require_database(config: &Config) -> Result<(), StoreError> {
    // The server treats an empty name as no name.
    if config.get_dbname().is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let why = "no database is named: add one, as postgresql://HOST/DATABASE or dbname=DATABASE";
    Err(StoreError::Url { why: why.into() })
}

fn split_url(url: &str, is_taken: impl Fn(&str) -> bool) -> Result<(String, Taken), StoreError> {
    // Everything before an @ is a user and a password, and a password may contain any character.
    let credentials = url.find('@').map_or(0, |at| at + 1);
    let Some(query) = url[credentials..].find('?').map(|at| credentials + at + 1) else {
        return Ok((url.into(), Vec::new()));
    };
    let (mut kept, mut taken, mut rest) = (Vec::new(), Vec::new(), &url[query..]);
    while !rest.is_empty() {
        let Some((key, tail)) = rest.split_once('=') else {
            kept.push(rest);
            break;
        };
        let (value, tail) = tail.split_once('&').unwrap_or((tail, ""));
        let name = percent_decode_str(key).decode_utf8_lossy();
        if is_taken(&name) {
            // The error does not show the name of the parameter. If a password contains an &, the text after the &
            // looks like a parameter.
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| StoreError::Url { why: "a parameter of the query is not UTF-8".into() })?;
            taken.push((name.into(), value.into()));
        } else {
            kept.push(&rest[..key.len() + 1 + value.len()]);
        }
        rest = tail;
    }
    Ok((format!("{}{}", &url[..query], kept.join("&")), taken))
}

fn split_words(text: &str, is_taken: impl Fn(&str) -> bool) -> Result<(String, Taken), StoreError> {
    let (mut kept, mut taken, mut rest) = (String::new(), Vec::new(), text);
    let mut names = BTreeSet::new();
    while let Some((key, value, tail)) = word(rest) {
        // If a parameter is repeated, some clients use the first value, and other clients the last. URLs were checked
        // for repeated parameters earlier.
        if !names.insert(key) {
            return Err(StoreError::Url { why: "a parameter is repeated: give it once".into() });
        }
        if is_taken(key) {
            taken.push((key.into(), value));
        } else {
            kept.push_str(&rest[..rest.len() - tail.len()]);
        }
        rest = tail;
    }
    Ok((kept + rest, taken))
}

/// Splits off the first word `key=value` of the text. Returns the key, the value and the rest of the text. Returns
/// `None` if the text does not begin with such a word.
fn word(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start();
    let (key, rest) = text.split_at(text.find(|c: char| c.is_whitespace() || c == '=')?);
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (is_quoted, rest) = rest.strip_prefix('\'').map_or((false, rest), |rest| (true, rest));
    let (mut value, mut chars) = (String::new(), rest.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if is_quoted => return Some((key, value, &rest[at + 1..])),
            c if !is_quoted && c.is_whitespace() => return Some((key, value, &rest[at..])),
            c => value.push(c),
        }
    }
    (!is_quoted).then_some((key, value, ""))
}

#[cfg(test)]
mod tests {

    use tokio_postgres::Config;

    use super::{require_database, split};

    #[test]
    fn taking_out_parameters_does_not_change_the_rest_of_the_string() {
        for (text, rest, name) in [
            ("postgres://h/d", "postgres://h/d", None),
            ("postgres://h/d?", "postgres://h/d?", None),
            ("postgresql://h/d?schema=a", "postgresql://h/d?", Some("a")),
            ("postgres://h/d?schema=a&user=u", "postgres://h/d?user=u", Some("a")),
            ("postgres://h?user=u&schema=a", "postgres://h?user=u", Some("a")),
            ("postgres://h/d?user=u&schema=a&port=1", "postgres://h/d?user=u&port=1", Some("a")),
            ("postgres://h/d?%73chema=%61%5f1", "postgres://h/d?", Some("a_1")),
            ("postgres://h/d?options=-c%20schema%3Da", "postgres://h/d?options=-c%20schema%3Da", None),
            ("postgres://u:p?schema=b@h/d?schema=a", "postgres://u:p?schema=b@h/d?", Some("a")),
            ("postgres://u:p?schema=b@h/d", "postgres://u:p?schema=b@h/d", None),
            ("postgres://h/schema=a", "postgres://h/schema=a", None),
            ("postgres://h/d?Schema=a&x", "postgres://h/d?Schema=a&x", None),
            ("host=h schema=a dbname=d", "host=h dbname=d", Some("a")),
            ("schema = 'a' host=h", " host=h", Some("a")),
            ("host=h\tschema=\\a", "host=h", Some("a")),
            ("password='it\\'s schema=b' schema=a", "password='it\\'s schema=b'", Some("a")),
            ("password=\\ schema=b host", "password=\\ schema=b host", None),
            ("password='schema=b", "password='schema=b", None),
            ("", "", None),
            ("ü", "ü", None),
        ] {
            let (kept, taken) = split(text, |name| name == "schema").expect(text);
            let taken: Vec<_> = taken.iter().map(|(name, value)| (&**name, &**value)).collect();
            let expected: Vec<_> = name.map(|value| ("schema", value)).into_iter().collect();
            assert_eq!((&*kept, taken), (rest, expected), "{text}");
        }
    }

    #[test]
    fn a_parameter_that_is_repeated_or_not_utf_8_is_refused() {
        for (text, words) in [
            ("schema=a host=h schema=b schema=c", "repeated"),
            ("host=h user=u host=i", "repeated"),
            ("postgres://h/d?schema=%ff", "UTF-8"),
        ] {
            let why = split(text, |name| name == "schema").expect_err(text).to_string();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn a_connection_string_must_name_a_database() {
        for text in ["postgres://h", "postgres://u@h/", "postgres://h?dbname=", "host=h user=u", "host=h dbname=''"] {
            let config: Config = text.parse().expect(text);
            let why = require_database(&config).expect_err(text).to_string();
            assert!(why.contains("no database") && why.contains("dbname="), "{why}");
        }
        for text in ["postgres://h/d", "postgres://h?dbname=d", "host=h dbname=d"] {
            assert!(require_database(&text.parse().expect(text)).is_ok(), "{text}");
        }
    }
}
