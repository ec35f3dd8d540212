//! URLs of stores: two URLs name the same store and space, or different ones, or are refused.
//!
//! If two URLs of one space were taken for two spaces, their processes would issue the same IDs. So the tables have many
//! spellings of each space.

mod refused;
mod same;

use casflake_lease::{EtcdStore, PostgresStore, RedisStore, StoreError, from_url};

use self::refused::REFUSED;
use self::same::SAME;

/// Returns the store and space that a URL names: the `Debug` of the store, or for a directory its error, which has the
/// path.
fn named(url: &str) -> Result<String, StoreError> {
    let mut store = from_url(url)?;
    let scheme = url.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    Ok(if scheme.starts_with("file") {
        format!("{:?}", store.survey().expect_err("there is no such directory"))
    } else if scheme.starts_with("postgres") {
        format!("{:?}", PostgresStore::from_url(url)?)
    } else if scheme.starts_with("etcd") {
        format!("{:?}", EtcdStore::from_url(url)?)
    } else {
        format!("{:?}", RedisStore::from_url(url)?)
    })
}

#[test]
fn two_urls_name_the_same_space_only_if_they_are_in_one_row() {
    let mut rows: Vec<(String, &str)> = Vec::new();
    for (words, urls) in SAME {
        let names = urls.iter().map(|url| named(url).unwrap_or_else(|error| panic!("{url:?}: {error}")));
        let names: Vec<String> = names.collect();
        for (name, url) in names.iter().zip(*urls) {
            assert_eq!(name, &names[0], "{url:?} and {:?}", urls[0]);
            for word in *words {
                assert!(name.contains(word), "{url:?}: {word} is not in {name}");
            }
            assert!(!name.contains("secret"), "{url:?}: {name}");
        }
        for (name, url) in &rows {
            assert_ne!(name, &names[0], "{url:?} and {:?}", urls[0]);
        }
        rows.push((names[0].clone(), urls[0]));
    }
}

#[test]
fn doubtful_urls_are_refused_without_leaking_a_password() {
    for (words, urls) in REFUSED {
        for url in *urls {
            let error = match from_url(url) {
                Ok(_) => panic!("{url:?} is accepted, but should be refused: {words}"),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(words), "{url:?}: {words:?} is not in: {error}");
            assert!(!error.contains("secret") && !error.contains("cret"), "{url:?}: {error}");
        }
    }
}

/// An environment variable such as `DATABASE_URL` is often shared with other clients.
#[test]
fn parameters_of_other_clients_are_skipped_with_a_note() {
    let url = "postgres://me:secret@h/ids?sslmode=require&pgbouncer=true&options=-csearch_path%3Dsecret";
    let notes = from_url(url).expect("a URL of a store").notes();
    assert_eq!(
        notes,
        ["the store skips these parameters of its URL, because they are for other clients: pgbouncer, options"]
    );
    let words = "host=h dbname=ids sslmode=require statement-cache-capacity=100";
    for (text, skipped) in [(url, &["pgbouncer", "options"][..]), (words, &["statement-cache-capacity"])] {
        let store = PostgresStore::from_url(text).expect("a URL of a store");
        assert_eq!(store.ignored_parameters(), skipped);
        assert!(format!("{store:?}").contains(skipped[0]));
    }
    for url in ["postgres://h/ids?sslmode=require&application_name=x", "redis://h", "etcd://h", "file:/srv/ids"] {
        assert!(from_url(url).expect(url).notes().is_empty(), "{url}");
    }
}

/// Would catch: a store that reads a URL by other rules than `from_url` does.
#[test]
fn each_store_refuses_the_urls_that_from_url_refuses() {
    for url in REFUSED.iter().flat_map(|(_, urls)| *urls) {
        // PostgreSQL's own programs accept this form, too.
        if *url != "host=h dbname=ids" {
            assert!(PostgresStore::from_url(url).is_err(), "{url:?}");
        }
        assert!(EtcdStore::from_url(url).is_err(), "{url:?}");
        assert!(RedisStore::from_url(url).is_err(), "{url:?}");
    }
}

#[test]
fn a_url_of_another_store_is_refused() {
    for url in ["redis://h", "etcd://h", "file:/srv/ids", "postgres://h/ids", "http://h"] {
        assert_eq!(PostgresStore::from_url(url).is_ok(), url.starts_with("postgres"), "{url}");
        assert_eq!(RedisStore::from_url(url).is_ok(), url.starts_with("redis"), "{url}");
        assert_eq!(EtcdStore::from_url(url).is_ok(), url.starts_with("etcd"), "{url}");
    }
}

#[test]
fn postgresql_accepts_parameters_separated_by_blanks() {
    let store = PostgresStore::from_url("host=h user=me  password='secret #1' dbname=ids options='-c a:b'\n").unwrap();
    let shown = format!("{store:?}");
    assert!(shown.contains("Tcp(\"h\")") && shown.contains("dbname: Some(\"ids\")"), "{shown}");
    assert!(shown.contains("space: \"default\"") && !shown.contains("secret"), "{shown}");
    let error = PostgresStore::from_url("host=h password=se secret=c").unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

/// Would catch: a name from a variable of the program with a line break that makes it another space.
#[test]
fn a_space_given_by_the_program_has_the_alphabet_of_one_in_a_url() {
    let long = "a".repeat(128);
    for (name, is_valid) in [
        ("orders", true),
        ("Orders-1.a_b~c/d:e", true),
        (&long, true),
        (&(long.clone() + "a"), false),
        ("", false),
        ("orders\n", false),
        (" orders", false),
        ("or ders", false),
        ("o#p", false),
        ("o%20", false),
        ("\u{43e}rders", false),
    ] {
        let results = [
            RedisStore::from_url("redis://h").unwrap().space(name).map(|store| format!("{store:?}")),
            PostgresStore::from_url("postgres://h/ids").unwrap().space(name).map(|store| format!("{store:?}")),
            EtcdStore::from_url("etcd://h").unwrap().space(name).map(|store| format!("{store:?}")),
        ];
        for result in results {
            match result {
                Ok(shown) => {
                    let is_shown = shown.contains(name) || shown.contains(&name.replace('/', "%2F"));
                    assert!(is_valid && is_shown, "{name:?}: {shown}");
                }
                Err(StoreError::Url { why }) => {
                    assert!(!is_valid && why.contains("name of the space"), "{name:?}: {why}");
                }
                Err(error) => panic!("{name:?}: {error}"),
            }
        }
        let by_url = RedisStore::from_url(&format!("redis://h#{name}"));
        assert_eq!(by_url.is_ok(), is_valid || name == "orders\n", "{name:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_can_name_a_directory() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let scratch = testkit::Scratch::new();
    let directory = scratch.path().join(OsStr::from_bytes(b"\xff\n%20"));
    std::fs::create_dir(&directory).unwrap();
    let mut store = from_url(&format!("file:{}/%FF%0A%2520", scratch.path().display())).unwrap();
    store.init_immediately(&<casflake::Standard as casflake::Scheme>::LAYOUT, 1).unwrap();
    assert!(directory.join("leases").exists());
}
