//! What a connection string says for this store, beside what it says for the connection.
//!
//! `tokio_postgres` refuses parameters that it does not know, so `schema` is taken out first. `tokio_postgres` parses
//! or refuses the rest, which stays as it was. The grammar is the same here and there: that of libpq.

use std::format;
use std::string::String;
use std::vec::Vec;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use super::schema::Schema;
use crate::lease::error::StoreError;

const NAME: &str = "schema";

/// Returns the text without `schema`, and the schema.
pub(super) fn split_schema(text: &str) -> Result<(String, Schema), StoreError> {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let (rest, names) = if is_url { split_url(text)? } else { split_words(text) };
    match &*names {
        [] => Ok((rest, Schema::default())),
        [name] => Ok((rest, Schema::named(name)?)),
        _ => Err(StoreError::Url { why: format!("it names {} schemas: give schema= once", names.len()) }),
    }
}

/// Fails if no database is named. The server would take the name of the user, and the client may have taken that from
/// the operating system: one text would name as many databases as there are users.
pub(super) fn require_database(config: &Config) -> Result<(), StoreError> {
    // To the server an empty name is as good as none.
    if config.get_dbname().is_some_and(|name| !name.is_empty()) {
        return Ok(());
    }
    let why = "it names no database: add one, as postgresql://HOST/DATABASE or dbname=DATABASE";
    Err(StoreError::Url { why: why.into() })
}

fn split_url(url: &str) -> Result<(String, Vec<String>), StoreError> {
    // All that is before an @ is a user and a password, with whatever in it.
    let credentials = url.find('@').map_or(0, |at| at + 1);
    let Some(query) = url[credentials..].find('?').map(|at| credentials + at + 1) else {
        return Ok((url.into(), Vec::new()));
    };
    let (mut kept, mut names, mut rest) = (Vec::new(), Vec::new(), &url[query..]);
    while !rest.is_empty() {
        let Some((key, tail)) = rest.split_once('=') else {
            kept.push(rest);
            break;
        };
        let (value, tail) = tail.split_once('&').unwrap_or((tail, ""));
        if percent_decode_str(key).eq(NAME.bytes()) {
            let name = percent_decode_str(value).decode_utf8();
            let name = name.map_err(|_| StoreError::Url { why: "the name of its schema is not UTF-8".into() })?;
            names.push(name.into());
        } else {
            kept.push(&rest[..key.len() + 1 + value.len()]);
        }
        rest = tail;
    }
    Ok((format!("{}{}", &url[..query], kept.join("&")), names))
}

fn split_words(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut names, mut rest) = (String::new(), Vec::new(), text);
    while let Some((key, value, tail)) = word(rest) {
        if key == NAME {
            names.push(value);
        } else {
            kept.push_str(&rest[..rest.len() - tail.len()]);
        }
        rest = tail;
    }
    (kept + rest, names)
}

/// Returns the first key, its value, and what comes after; `None` if there is no such thing.
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
    use std::string::ToString;

    use tokio_postgres::Config;

    use super::{Schema, require_database, split_schema};

    #[test]
    fn a_schema_is_taken_out_of_a_connection_string() {
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
            let schema = name.map_or_else(Schema::default, |name| Schema::named(name).expect("a name"));
            assert_eq!(split_schema(text).expect(text), (rest.into(), schema), "{text}");
        }
    }

    #[test]
    fn a_schema_that_is_named_twice_or_has_a_wrong_name_is_refused() {
        for (text, words) in [
            ("postgres://h/d?schema=a&schema=a", "2 schemas"),
            ("schema=a host=h schema=b schema=c", "3 schemas"),
            ("postgres://h/d?schema=", "empty"),
            ("host=h schema=", "empty"),
            ("schema='' host=h", "empty"),
            ("postgres://h/d?schema=%ff", "UTF-8"),
            ("postgres://h/d?schema=a%22b", "'\"'"),
            ("schema='a b'", "' '"),
        ] {
            let why = split_schema(text).expect_err(text).to_string();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn a_connection_string_names_its_database() {
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
