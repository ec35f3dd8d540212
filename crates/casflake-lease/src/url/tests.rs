//! Tests of the parts of URLs, and of the characters and paths in them.

use std::borrow::Cow;

use proptest::prelude::*;

use super::path::windows_path;
use super::{Authority, StoreUrl, local_path};
use crate::from_url;

fn refusal(url: &str) -> String {
    match StoreUrl::parse(url) {
        Ok(_) => panic!("{url:?} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_url_is_split_into_its_parts() {
    let url = StoreUrl::parse("\u{feff} ReDis://u:p:q@h:1,i/0/1?a=b?c#d#e\r\n").unwrap();
    let Authority { user, hosts } = url.authority.as_ref().unwrap();
    assert_eq!((&*url.scheme, *user, *hosts), ("redis", Some("u:p:q"), "h:1,i"));
    assert_eq!((url.path, url.query, url.name), ("/0/1", Some("a=b?c"), Some("d#e")));
}

#[test]
fn a_list_of_hosts_ends_where_the_path_begins() {
    for (url, hosts, path) in [
        ("etcd://a:1,etcd://b:2", "a:1,etcd://b:2", ""),
        ("etcd://a/,etcd://b/", "a/,etcd://b", "/"),
        ("etcd://a/b", "a", "/b"),
        ("etcd:///b", "", "/b"),
    ] {
        let parsed = StoreUrl::parse(url).unwrap();
        assert_eq!((parsed.authority.unwrap().hosts, parsed.path), (hosts, path), "{url}");
    }
}

#[test]
fn an_error_names_the_character_and_the_part() {
    for (url, why) in [
        ("re dis://h", "a blank (U+0020) in the scheme"),
        ("redis ://h", "a blank (U+0020) in the scheme"),
        ("redis://u:p\tq@h", "a tab (U+0009) in the user or password: remove this character, or write %09 instead"),
        ("redis://h\n/0", "a line break (U+000A) in the host"),
        ("redis://h/0\u{a0}1", "a no-break space (U+00A0) in the path: remove this character, or write %C2%A0 instead"),
        ("redis://h/0?a=b\rc", "a carriage return (U+000D) in the query"),
        ("redis://h/0# orders", "a blank (U+0020) in the name of the space"),
        ("redis://h/0#or\u{feff}ders", "a byte order mark (U+FEFF) in the name of the space"),
        ("redis://h\u{2003}", ""),
        ("redis://h\0", "a NUL (U+0000) in the host"),
        ("redis://h\u{7}", "a control character (U+0007) in the host"),
        ("redis://h\u{200b}", "an invisible character (U+200B) in the host"),
        ("redis://\u{43d}", "the character '\u{43d}' (U+043D) in the host"),
        ("redis://:a%@h", "a % in the user or password"),
        ("redis://:a%2@h", "a % in the user or password"),
        ("file:/a%zz", "a % in the path"),
        ("file:/a%+1", "a % in the path"),
    ] {
        if why.is_empty() {
            assert!(StoreUrl::parse(url).is_ok(), "{url:?}");
        } else {
            let refusal = refusal(url);
            assert!(refusal.contains(why), "{url:?}: {refusal}");
        }
    }
}

#[test]
fn an_at_sign_that_parsers_disagree_about_is_refused() {
    for url in ["redis://u:secret@1@h", "etcd://u:secret@a,etcd://u:secret@b"] {
        let refusal = refusal(url);
        assert!(refusal.contains("%40") && !refusal.contains("secret"), "{refusal}");
    }
    for url in
        ["redis://u:secret/@h", "redis://u:secret?@h", "redis://u:1#@h", "redis://h/0#a@b", "redis://u:1@h/secret@h"]
    {
        let refusal = refusal(url);
        assert!(refusal.contains("%2F %3F %23") && !refusal.contains("secret"), "{refusal}");
    }
    assert!(StoreUrl::parse("file:/srv/a@b").is_ok());
    assert!(StoreUrl::parse("file://localhost/srv/a@b").is_ok());
}

/// This test runs on all platforms, and not only on Windows, because tests seldom run on Windows.
#[test]
fn a_path_on_windows_begins_with_a_drive() {
    let path = |names: &[&'static str]| {
        let segments = names.iter().map(|name| Cow::Borrowed(name.as_bytes()));
        windows_path(&segments.collect::<std::vec::Vec<_>>())
    };
    assert_eq!(path(&["C:", "my ids", "\u{fc}"]).unwrap(), "C:\\my ids\\\u{fc}");
    for names in
        [&["srv", "ids"][..], &["C:"], &["1:", "a"], &["C:", "a\\b"], &["C:", "a:b"], &["C:", "a."], &["C:", "a "]]
    {
        assert!(path(names).is_err(), "{names:?}");
    }
    assert!(windows_path(&[Cow::Borrowed(b"C:"), Cow::Borrowed(b"\xff")]).unwrap_err().contains("UTF-8"));
}

#[cfg(unix)]
#[test]
fn a_path_on_unix_can_contain_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let path = local_path(&StoreUrl::parse("file:/srv/%ff%0A").unwrap()).unwrap();
    assert_eq!(path.as_os_str().as_bytes(), b"/srv/\xff\n");
}

const URLS: &[&str] = &[
    "file:/srv/my%20ids",
    "file://localhost/srv/ids/",
    "redis://u:p@h:6379/1?protocol=3#orders",
    "redis://[::1]",
    "rediss://u:p@h/1?sslrootcert=/ca.pem&protocol=3#orders",
    "unix:/run/x?db=1&user=u&pass=p%2B",
    "postgres://u:p@a:1,b/ids?connect_timeout=1#orders",
    "postgresql://u@h/ids",
    "etcd://u:p@a:1,b,[::1]/#orders",
    "etcds://a,etcds://b",
    "etcds://u:p@a,b/?sslcert=/c%20d&sslkey=/k",
];

/// Generates URLs, texts that resemble URLs, and arbitrary texts.
fn url() -> impl Strategy<Value = String> {
    let scheme = "file|FILE|redis|rediss|unix|redis\\+unix|postgres|postgresql|etcd|etcds|http|nfs|[a-z+]{0,5}";
    let user = "([a-z%@/#?]{0,6}:[a-z%0-9@/#?]{0,6}@)?";
    let host = "(localhost|127\\.0\\.0\\.1|\\[::1\\]|[a-z.%\u{fc}]{0,5})(:[0-9]{0,5})?(,[a-z]{0,3})?";
    let path = "(/[a-z0-9.%]{0,5}){0,3}";
    let query = "(\\?(db|pass|user|protocol|host|password|nope)=[a-z0-9%+]{0,4}(&[a-z=]{0,5})?)?";
    let name = "(#[a-zA-Z0-9/:~%\u{fc}]{0,8})?";
    let like = (scheme, "(://|:|:/|:///)", user, host, path, query, name).prop_map(
        |(scheme, slashes, user, host, path, query, name)| [scheme, slashes, user, host, path, query, name].concat(),
    );
    prop_oneof![4 => prop::sample::select(URLS).prop_map(String::from), 4 => like, 1 => any::<String>()]
}

/// Returns a description of the store that `from_url` makes from a URL. The description contains only values that are
/// known without a connection. Returns `None` if `from_url` fails.
fn named(url: &str) -> Option<String> {
    let parsed = StoreUrl::parse(url).ok()?;
    from_url(url).ok()?;
    match &*parsed.scheme {
        "file" => Some(format!("{:?}", local_path(&parsed))),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Some(format!("{:?}", crate::PostgresStore::from_url(url).unwrap())),
        #[cfg(feature = "etcd")]
        "etcd" | "etcds" => Some(format!("{:?}", crate::EtcdStore::from_url(url).unwrap())),
        #[cfg(feature = "redis")]
        _ => Some(format!("{:?}", crate::RedisStore::from_url(url).unwrap())),
        #[cfg(not(feature = "redis"))]
        _ => None,
    }
}

fn white_space() -> impl Strategy<Value = String> {
    "[ \t\r\n\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{3000}]{1,3}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_url_does_not_panic_on_any_text(text in prop_oneof![url(), any::<String>()]) {
        if let Err(error) = from_url(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// Would catch: a URL that names another space, because a line break at the end of the URL becomes a part of the
    /// space's name.
    #[test]
    fn white_space_never_makes_another_url(text in url(), space in white_space(), place in any::<prop::sample::Index>()) {
        // A text with white space at an end would change if it were trimmed.
        prop_assume!(text.trim() == text);
        let places: std::vec::Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let at = *place.get(&places);
        let spaced = [&text[..at], &space, &text[at..]].concat();
        let is_at_an_end = at == 0 || at == text.len();
        prop_assert_eq!(named(&spaced), named(&text).filter(|_| is_at_an_end), "{:?}", spaced);
    }

    #[test]
    fn no_error_shows_the_password(text in url()) {
        let secret = text.replace("nope", "").replacen("://", "://u:s3cr3t@", 1);
        if let Err(error) = from_url(&secret) {
            prop_assert!(!error.to_string().contains("s3cr3t"), "{secret:?}: {error}");
        }
    }
}
