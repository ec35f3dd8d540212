//! What URLs of stores name: the same store and space, another, or none. Two processes of which each takes a URL for
//! another space issue the same IDs, so the table has each pair of URLs that name the same.

use casflake_lease::{EtcdStore, PostgresStore, RedisStore, StoreError, from_url};

/// Each row: what its URLs name, as words of the store's `Debug`, and the URLs. Other rows name something else.
const SAME: &[(&[&str], &[&str])] = &[
    (
        &["/nonexistent/casflake/ids"],
        &[
            "file:/nonexistent/casflake/ids",
            "file:///nonexistent/casflake/ids",
            "file://localhost/nonexistent/casflake/ids",
            "FILE://LocalHost/nonexistent/casflake/ids",
            "file:/nonexistent/casflake/ids/",
            "file:////nonexistent//casflake/ids",
            "file:/nonexistent/casflake/%69%64s",
            "file:/nonexistent/casflake/ids\n",
            "\u{feff}file:/nonexistent/casflake/ids",
            "\u{feff} \t file:/nonexistent/casflake/ids \r\n\r\n",
            "\u{3000}file:/nonexistent/casflake/ids\u{85}",
        ],
    ),
    (
        &["/nonexistent/casflake/my ids"],
        &["file:/nonexistent/casflake/my%20ids", "file:///nonexistent/casflake/my%20ids"],
    ),
    (&["/nonexistent/casflake/IDS"], &["file:/nonexistent/casflake/IDS"]),
    (&["/nonexistent/casflake/ids#orders"], &["file:/nonexistent/casflake/ids%23orders"]),
    (&["/nonexistent/casflake/100%"], &["file:/nonexistent/casflake/100%25"]),
    (
        &["/nonexistent/casflake/a@b:c"],
        &["file:/nonexistent/casflake/a@b:c", "file://localhost/nonexistent/casflake/a%40b%3Ac"],
    ),
    (&["/nonexistent/casflake/\u{fc}"], &["file:/nonexistent/casflake/\u{fc}", "file:/nonexistent/casflake/%C3%BC"]),
    (&["/nonexistent/casflake/~"], &["file:/nonexistent/casflake/~"]),
    (&["/nonexistent/casflake/..."], &["file:/nonexistent/casflake/...", "file:/nonexistent/casflake/%2E.."]),
    (
        &["server: h:6379, database 0", "casflake:default"],
        &[
            "redis://h",
            "redis://h/",
            "redis://h:6379",
            "redis://h:6379/0",
            "redis://h/0#default",
            "REDIS://h",
            "valkey://h",
            "redis://h?protocol=3",
            "redis://h/0\n",
            " redis://h/0#default\r\n",
        ],
    ),
    (
        &["server: h:6379, database 0", "casflake:orders"],
        &["redis://h#orders", "redis://h/0#orders\n", "redis://h:6379/0#orders\t", "\u{feff}redis://h/#orders"],
    ),
    (&["server: h:6379, database 0", "casflake:Orders"], &["redis://h#Orders"]),
    (&["casflake:a-b.c_d~e/f:0"], &["redis://h#a-b.c_d~e/f:0"]),
    (&["server: h:6379, database 1", "casflake:default"], &["redis://h/1"]),
    (&["server: h:7000, database 0"], &["redis://h:7000"]),
    (
        &["server: h:6379 by TLS, database 0", "casflake:default"],
        &[
            "rediss://h",
            "valkeys://h/0",
            "REDISS://h?protocol=3",
            "rediss://h?sslrootcert=/ca.pem&sslkey=/k&sslcert=/c",
        ],
    ),
    // No more than a name, whatever other programs take it for.
    (&["server: h:6379 by TLS, database 0", "casflake:insecure"], &["rediss://h#insecure"]),
    (&["server: ::1:6379, database 0"], &["redis://[::1]", "redis://[::1]:6379/0"]),
    (&["user: Some(\"m@\")"], &["redis://m%40:secret@h", "redis://%6d%40:secret%20%0A@h/0"]),
    (
        &["server: /run/my redis.sock, database 2"],
        &[
            "unix:///run/my%20redis.sock?db=2",
            "unix:/run/my%20redis.sock?db=2",
            "redis+unix://localhost/run//my%20%72edis.sock?db=2#default\n",
            "valkey+unix:/run/my%20redis.sock?protocol=3&db=2",
        ],
    ),
    (&["user: Some(\"me\")", "server: /run/a@b.sock"], &["unix:/run/a@b.sock?user=me&pass=secret%2B%20"]),
    (
        &["\"http://h:2379\"", "/casflake/default"],
        &["etcd://h", "etcd://h:2379", "etcd://h/", "ETCD://H", "etcd://h#default\n", "\u{feff}etcd://h "],
    ),
    (&["\"http://h:2379\"", "/casflake/orders"], &["etcd://h#orders", "etcd://h:2379/#orders\r\n"]),
    (&["\"http://h:2379\"", "/casflake/orders%2Feu"], &["etcd://h#orders/eu"]),
    (
        &["[\"http://a:2379\", \"http://b:1\", \"http://[::1]:2379\"]"],
        &["etcd://a,b:1,[::1]", "etcd://a:2379,etcd://b:1,ETCD://[::1]", "etcd://a/,b:1/,[::1]/"],
    ),
    (
        &["\"https://h:2379\""],
        &["etcds://h", "etcds://h:2379", "etcds://h?sslrootcert=/etc/ca.pem&sslcert=/etc/a%20b.pem&sslkey=/etc/k.pem"],
    ),
    (&["\"http://h:2379\"", "user: Some(\"m@\")"], &["etcd://m%40:secret@h", "etcd://%6d%40:secret@h:2379"]),
    (
        &["Tcp(\"h\")", "port: [5432]", "dbname: Some(\"ids\")", "user: Some(\"me\")", "space: \"default\""],
        &[
            "postgres://me@h/ids",
            "postgresql://me@h:5432/ids",
            "PostgreSQL://me@h/ids#default",
            "postgres://me@h?dbname=ids",
            "postgres://m%65@h/%69ds\n",
            "postgres://me@h/ids?sslmode=prefer&keepalives=1",
            "\u{feff}\tpostgres://me@h/ids \r\n",
        ],
    ),
    (
        &["dbname: Some(\"ids\")", "space: \"orders\""],
        &["postgres://me@h/ids#orders", "postgres://me@h:5432/ids#orders\n", "postgresql://me@h/ids#orders\r\n "],
    ),
    (&["dbname: Some(\"ids\")", "space: \"orders/eu\""], &["postgres://me@h/ids#orders/eu"]),
    (&["dbname: Some(\"my ids\")"], &["postgres://me@h/my%20ids", "postgres://me@h?dbname=my%20ids"]),
    (&["Tcp(\"a\"), Tcp(\"b\")", "port: [5432, 1]"], &["postgres://me@a,b:1/ids", "postgres://me@a:5432,b:1/ids"]),
    (
        &["Unix(\"/run/postgresql\")"],
        &[
            "postgres://me@%2Frun%2Fpostgresql:5432/ids",
            "postgres://me@%2frun%2Fpostgresql/ids",
            "postgres://me@/ids?host=/run/postgresql&port=5432",
        ],
    ),
    (&["application_name: Some(\"a b\")"], &["postgres://me:secret@h/ids?application_name=a%20b"]),
];

/// Each row: words of the reason, and the URLs that are refused for it.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "a blank (U+0020) in the name of the space",
        &["redis://h/0# orders", "postgres://h/ids# orders", "etcd://h# o", "redis://h#o r"],
    ),
    (
        "a line break (U+000A) in the name of the space",
        &["redis://h/0#or\nders", "postgres://h/ids#or\nders", "etcd://h#\no"],
    ),
    ("a tab (U+0009) in its host", &["redis://h\t/0", "postgres://h\t/ids", "etcd://h\t,i", "redis://\th"]),
    (
        "a blank (U+0020) in its host",
        &["etcd://a, b", "etcd://a ,b", "postgres://a, b/ids", "redis:// h", "etcd://h #o"],
    ),
    (
        "a carriage return (U+000D) in its path",
        &["redis://h/0\r#orders", "redis://h/\r0", "file:/srv/\rids", "unix:/run/\rx"],
    ),
    (
        "a blank (U+0020) in its path: remove it, or write it as %20",
        &["file:/srv/my ids", "postgres://h/my ids", "unix:/run/a b"],
    ),
    (
        "a line break (U+000A) in its user or password",
        &["redis://u:se\ncret@h", "postgres://u:secret\n@h/ids", "etcd://u:secret\n@h"],
    ),
    (
        "a line break (U+000A) in its query",
        &["redis://h?protocol=\n3", "postgres://h/ids?options=\n1", "unix:/x?pass=secret\n&db=1"],
    ),
    ("in its scheme", &["re\ndis://h", "redis\n://h", "file :/srv/ids", "\0file:/srv/ids"]),
    ("an invisible character (U+200B)", &["redis://h\u{200b}", "redis://h#o\u{200b}", "file:/srv/ids\u{200b}"]),
    ("a byte order mark (U+FEFF)", &["redis://h\u{feff}", "file:/srv/\u{feff}ids"]),
    ("a NUL (U+0000)", &["redis://h\0", "file:/srv/ids\0"]),
    ("the character '\u{fc}' (U+00FC) in its host", &["redis://m\u{fc}", "postgres://m\u{fc}/ids", "etcd://m\u{fc}"]),
    (
        "the character '\u{fc}' (U+00FC) in the name",
        &["redis://h#\u{fc}", "postgres://h/ids#\u{fc}", "etcd://h#\u{fc}"],
    ),
    ("the character '%' (U+0025) in the name", &["redis://h#o%20", "postgres://h/ids#o%20", "etcd://h#o%20"]),
    ("the character '#' (U+0023) in the name", &["redis://h##o", "postgres://h/ids#o#p", "etcd://h##"]),
    ("its # names no space", &["redis://h/0#", "postgres://h/ids#", "etcd://h#", "redis://h# \n"]),
    ("it has no scheme", &["ids", "host=h dbname=ids", "://h", "secret@h:1", "secret=se:cret", "IDS_STORE=nfs:/srv"]),
    ("it is empty", &["", " \n"]),
    (
        "it is in quotes: leave them out",
        &["\"redis://h\"", "'file:/srv/ids'", "\u{201c}etcd://u:secret@h\u{201d}", "`x`"],
    ),
    (
        "it begins with IDS_STORE=: leave that out",
        &["IDS_STORE=redis://h", "IDS_STORE=\"postgres://u:secret@h/ids\"", "IDS_STORE=FILE:/srv/ids"],
    ),
    ("it begins with export IDS_STORE=: leave that out", &["export IDS_STORE=etcd://u:secret@h"]),
    ("it is a path and has no scheme: write file: before it", &["/srv/ids", "/secret:1"]),
    ("it is a relative path and has no scheme", &["./ids", "../secret", "~/ids"]),
    ("it is a path and has no scheme: write file:///C:/ids", &["C:\\ids", "d:/ids"]),
    ("it is a host and a port and has no scheme", &["localhost:6379", "127.0.0.1:2379"]),
    ("for etcd write etcd:// instead of http://", &["http://h", "HTTPS://u:secret@h", "http://a:2379,http://b:2379"]),
    (
        "its scheme names a driver after a +: write postgresql://",
        &["postgresql+asyncpg://u:secret@h/ids", "PostgreSQL+psycopg2://h/ids"],
    ),
    ("its scheme names a driver after a +: write rediss://", &["rediss+sentinel://u:secret@h"]),
    ("it begins with jdbc:, as for Java: leave that out", &["jdbc:postgresql://h/ids?user=u&password=secret"]),
    ("not a store that this program was built with", &["nfs:/srv/ids", "mysql://h/ids"]),
    (
        "there is an @ after the host",
        &["redis://u:secret/1@h", "postgres://u:se?cret@h/ids", "etcd://u:1#secret@h", "redis://h/0#a@b"],
    ),
    (
        "more than one @",
        &[
            "postgres://u:secret@a,u:secret@b/ids",
            "redis://u:secret@1@h",
            "postgres://u:secret@1@h/ids",
            "etcd://u:secret@a,u:secret@b",
        ],
    ),
    (
        "without two hexadecimal digits after it",
        &["file:/srv/%", "file:/srv/%2", "file:/srv/%zz", "redis://:secret%@h", "postgres://h/%g0"],
    ),
    (
        "a path of another host",
        &["file://h/srv/ids", "file://srv/ids", "file://secret@localhost/ids", "unix://run/x", "file://localhost:1/x"],
    ),
    ("its path is relative", &["file:ids", "file:./ids", "file:../ids", "file:~/ids", "file:%2Fsrv/ids", "unix:run/x"]),
    ("it names no path", &["file:", "file://", "file://localhost", "unix:", "unix://?db=1"]),
    ("the root directory", &["file:/", "file:///", "file://localhost//", "unix:///"]),
    (
        "a . or .. in its path",
        &["file:/srv/../ids", "file:/srv/./ids", "file:/srv/%2e%2E/ids", "file:/srv/ids/.", "unix:/run/../x"],
    ),
    ("a %2F in its path", &["file:/srv%2Fids", "file:/srv/%2f", "unix:/run%2fx"]),
    ("a %00 in its path", &["file:/srv/ids%00", "unix:/run/x%00"]),
    ("a ? in the path", &["file:/srv/ids?", "file:/srv/ids?a=b"]),
    ("a directory has one ID space", &["file:/srv/ids#orders", "file:/srv/ids#", "file:/srv/C#%20ids"]),
    ("it does not begin with", &["redis:h", "redis:/h", "postgres:h/ids", "etcd:h"]),
    (
        "a host is empty",
        &[
            "redis://",
            "redis:///0",
            "redis://:secret@",
            "redis://:6379",
            "etcd://",
            "etcd://a,,b",
            "etcd://a,",
            "postgres://a,,b/ids",
        ],
    ),
    (
        "in its host",
        &["redis://a,b", "redis://h%20", "etcd://h%0A", "postgres://h%0A/ids", "redis://h;1", "postgres://h;1/ids"],
    ),
    (
        "its port is not a number",
        &[
            "redis://h:",
            "redis://h:0",
            "redis://h:+1",
            "etcd://h:65536",
            "postgres://h:/ids",
            "postgres://h:x/ids",
            "redis://fe80::1",
            "redis://[::1]x",
        ],
    ),
    ("IPv6 address", &["redis://[h]", "etcd://[::1%25eth0]", "postgres://[]/ids"]),
    (
        "its database is not a number",
        &[
            "redis://h/x",
            "redis://h/-1",
            "redis://h/+1",
            "redis://h/00",
            "redis://h/0/",
            "redis://h//0",
            "redis://h/1/2",
            "redis://h/%31",
            "redis://h/./1",
            "unix:/x?db=",
            "unix:/x?db=-1",
        ],
    ),
    (
        "the parameter \"pass\" of its query is unknown: give protocol",
        &["redis://h/0?pass=secret", "redis://h?protocol=3&pass=secret", "redis://h?pass=secret&protocol=3"],
    ),
    ("the parameter \"password\" of its query is unknown: give db, user, pass", &["unix:/x?password=se&secret=1"]),
    ("the parameter \"tls\" of its query is unknown: give", &["etcd://h?tls=secret", "etcds://a,b/?tls=secret#orders"]),
    // It may be the end of the password.
    (
        "a parameter of its query is unknown",
        &["unix:/x?pass=se&cret=1", "redis://h?secretsecretsecretsecretsecretsecret=1"],
    ),
    (
        "a parameter of its query is repeated",
        &[
            "redis://h?protocol=2&protocol=3",
            "unix:/x?db=1&db=2",
            "postgres://h/ids?connect_timeout=1&connect_timeout=2",
            "postgres:///ids?host=a&host=b",
        ],
    ),
    (
        "a parameter of its query has no =",
        &["redis://h?", "unix:/x?db", "postgres://h/ids?", "postgres://h/ids?sslmode=disable&", "unix:/x?pass=se&cret"],
    ),
    ("a name in its query", &["unix:/x?d%62=1", "postgres://h/ids?%75ser=me"]),
    ("a + in its query", &["unix:/x?user=u&pass=secret+1"]),
    ("Invalid protocol", &["redis://h?protocol=4", "unix:/x?protocol="]),
    (
        "there is a user without a password",
        &[
            "redis://secret@h",
            "redis://secret:@h",
            "redis://:@h",
            "redis://@h",
            "unix:/x?user=me",
            "unix:/x?user=me&pass=",
            "etcd://secret@h",
        ],
    ),
    ("its user or password is empty", &["etcd://:secret@h", "etcd://secret:@h"]),
    ("its user is empty", &["postgres://@h/ids", "postgres://:secret@h/ids"]),
    (
        "twice, in its query and before that",
        &[
            "postgres://me@h/ids?user=you",
            "postgres://me:secret@h/ids?password=secret",
            "postgres://h/ids?host=i",
            "postgres://h/ids?port=1",
            "postgres://h/ids?dbname=other",
        ],
    ),
    ("a / in the name of its database", &["postgres://h/ids/", "postgres://h//ids", "postgres://h/ids/orders"]),
    ("unknown option `nope`", &["postgres://h/ids?nope=1"]),
    ("unknown option `User`", &["postgres://h/ids?User=me"]),
    ("a parameter is unknown or invalid", &["postgres://u@h/ids?password=a&secret=c"]),
    ("invalid value for option", &["postgres://h/ids?connect_timeout=x", "postgres://h/ids?sslmode=secret"]),
    ("a relative path", &["postgres://h/ids?sslrootcert=secret.pem", "postgres://h/ids?sslkey=./secret"]),
    ("give both", &["postgres://h/ids?sslcert=/secret.crt", "postgres://h/ids?sslkey=/secret.key"]),
    ("it has a path: give hosts and ports only", &["etcd://h/v3", "etcd://a/b,c"]),
    ("an endpoint is repeated", &["etcd://a,b,a", "etcd://a,A:2379", "etcd://a,etcd://a/"]),
    ("another scheme", &["etcd://a,http://b", "etcd://a,etcds://b"]),
    ("not UTF-8", &["etcd://u:%ff@h", "etcd://%ff:secret@h", "unix:/x?user=%ff&pass=secret"]),
    ("not valid UTF-8", &["redis://%ff:secret@h", "redis://:%ff@h"]),
    ("invalid utf-8", &["postgres://%ff:secret@h/ids", "postgres://h/%ff"]),
    ("the parameter \"sslmode\" of its query is unknown", &["rediss://h?sslmode=disable", "etcds://h?sslmode=require"]),
    ("its parameter sslrootcert is for TLS: write rediss://", &["redis://h?sslrootcert=/etc/ca.pem"]),
    ("its parameter sslkey is for TLS: write etcds://", &["etcd://h?sslkey=/etc/secret.pem"]),
    ("the parameter \"sslcert\" of its query is unknown", &["unix:/x?sslcert=/etc/ca.pem"]),
    ("sslrootcert is a relative path", &["rediss://h?sslrootcert=secret.pem", "etcds://h?sslrootcert=~/secret.pem"]),
    ("it has one of sslcert and sslkey", &["rediss://h?sslcert=/secret", "etcds://h?sslkey=/secret&sslrootcert=/c"]),
    ("its parameter sslkey is not UTF-8", &["rediss://h?sslkey=/%ff&sslcert=/c"]),
    ("wildcard", &["redis://0.0.0.0"]),
];

/// What a URL names: the `Debug` of its store, or for a directory the path that its error shows.
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
fn urls_of_one_store_and_space_name_the_same() {
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
fn doubtful_urls_are_refused_and_not_shown() {
    for (words, urls) in REFUSED {
        for url in *urls {
            let error = match from_url(url) {
                Ok(_) => panic!("{url:?} is accepted, in spite of: {words}"),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(words), "{url:?}: {words:?} is not in: {error}");
            assert!(!error.contains("secret") && !error.contains("cret"), "{url:?}: {error}");
        }
    }
}

/// One variable of the environment, such as `DATABASE_URL`, serves other clients as well.
#[test]
fn parameters_of_other_clients_are_skipped_with_a_note() {
    let url = "postgres://me:secret@h/ids?sslmode=require&pgbouncer=true&options=-csearch_path%3Dsecret";
    let notes = from_url(url).expect("it is the store's, too").notes();
    assert_eq!(notes, ["skipped parameters of the store's URL that are for other clients: pgbouncer, options"]);
    let words = "host=h dbname=ids sslmode=require statement-cache-capacity=100";
    for (text, skipped) in [(url, &["pgbouncer", "options"][..]), (words, &["statement-cache-capacity"])] {
        let store = PostgresStore::from_url(text).expect("it is the store's, too");
        assert_eq!(store.ignored_parameters(), skipped);
        assert!(format!("{store:?}").contains(skipped[0]));
    }
    for url in ["postgres://h/ids?sslmode=require&application_name=x", "redis://h", "etcd://h", "file:/srv/ids"] {
        assert!(from_url(url).expect(url).notes().is_empty(), "{url}");
    }
}

/// Would catch: a store that reads a URL by other rules than `from_url` does.
#[test]
fn stores_refuse_the_urls_that_open_refuses() {
    for url in REFUSED.iter().flat_map(|(_, urls)| *urls) {
        // It is words, which PostgreSQL's own programs take, too.
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
fn words_for_postgresql_have_blanks_between_them() {
    let store = PostgresStore::from_url("host=h user=me  password='secret #1' dbname=ids options='-c a:b'\n").unwrap();
    let shown = format!("{store:?}");
    assert!(shown.contains("Tcp(\"h\")") && shown.contains("dbname: Some(\"ids\")"), "{shown}");
    assert!(shown.contains("space: \"default\"") && !shown.contains("secret"), "{shown}");
    let error = PostgresStore::from_url("host=h password=se secret=c").unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

/// Would catch: a name from a variable of the program's, of which the line break makes another space.
#[test]
fn a_program_chooses_a_space_by_the_same_alphabet() {
    let long = "a".repeat(128);
    for (name, is_one) in [
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
                    assert!(is_one && is_shown, "{name:?}: {shown}");
                }
                Err(StoreError::Url { why }) => {
                    assert!(!is_one && why.contains("name of the space"), "{name:?}: {why}");
                }
                Err(error) => panic!("{name:?}: {error}"),
            }
        }
        let by_url = RedisStore::from_url(&format!("redis://h#{name}"));
        assert_eq!(by_url.is_ok(), is_one || name == "orders\n", "{name:?}");
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
