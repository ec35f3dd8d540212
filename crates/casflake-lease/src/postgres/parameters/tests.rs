//! Tests which parameters are honoured, skipped and refused, in URLs and in lists of words `key=value`.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::NoTls;
use tokio_postgres::config::{Host, TargetSessionAttrs};

use super::super::tls::Tls;
use super::{Mode, Parameters, Roots, read};

/// Returns two connection strings with the parameter: a URL, and a list of words `key=value`.
fn both(parameter: &str) -> [String; 2] {
    let words = parameter.replace('&', " ");
    [format!("postgres://me@h/ids?{parameter}"), format!("host=h user=me dbname=ids {words}")]
}

/// Returns the text with absolute paths. On Windows, puts the drive `C:` before each path, because a path without a
/// drive is not absolute there. On other platforms, returns the text unchanged.
fn here(text: &str) -> String {
    if cfg!(windows) { text.replace("=/", "=C:/").replace("='/", "='C:/") } else { text.into() }
}

fn of_root(path: &str) -> String {
    if cfg!(windows) { format!("C:{path}") } else { path.into() }
}

fn taken(text: &str) -> Parameters {
    read(&here(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match read(&here(text)) {
        Ok(_) => panic!("{text} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_mode_of_tls_is_read_as_libpq_reads_it() {
    for (parameter, mode, roots) in [
        ("application_name=x", Mode::Prefer, None),
        ("sslmode=disable", Mode::Disable, None),
        ("sslmode=allow", Mode::Allow, None),
        ("sslmode=prefer", Mode::Prefer, None),
        ("sslmode=require", Mode::Require, None),
        ("ssl=true", Mode::Require, None),
        ("ssl-mode=verify-ca&ssl-ca=/ca.pem", Mode::VerifyCa, Some("/ca.pem")),
        ("sslmode=verify-full&sslrootcert=/ca.pem", Mode::VerifyFull, Some("/ca.pem")),
        ("sslmode=require&ssl-root-cert=/my%20ca.pem", Mode::Require, Some("/my ca.pem")),
        ("sslmode=verify-full&sslrootcert=system", Mode::VerifyFull, Some("")),
        ("sslrootcert=system", Mode::VerifyFull, Some("")),
    ] {
        let forms = both(parameter);
        // Words are not percent-encoded.
        for text in &forms[..if parameter.contains('%') { 1 } else { 2 }] {
            let tls = taken(text).tls;
            let roots =
                roots.map(|path| if path.is_empty() { Roots::Platform } else { Roots::File(of_root(path).into()) });
            assert_eq!((tls.mode, tls.roots, tls.identity), (mode, roots, None), "{text}");
        }
    }
    let identity = taken("host=h dbname=d sslcert=/c.pem ssl-key='/k.pem'").tls.identity.expect("both are given");
    let expected = ["/c.pem", "/k.pem"].map(|path| PathBuf::from(of_root(path)));
    assert_eq!([identity.certificate, identity.key], expected);
}

#[test]
fn parameters_of_other_clients_are_skipped_and_named() {
    for (parameter, names) in [
        ("application_name=x&connect_timeout=10&channel_binding=prefer", &[][..]),
        ("pgbouncer=true&connection_limit=1&pool_timeout=0", &["pgbouncer", "connection_limit", "pool_timeout"]),
        ("statement-cache-capacity=100", &["statement-cache-capacity"]),
        ("options=-csearch_path=x&sslmode=disable&sslsni=1", &["options", "sslsni"]),
        ("options[search_path]=x", &["options[search_path]"]),
        ("gssencmode=disable&ssl_min_protocol_version=TLSv1.2", &["gssencmode", "ssl_min_protocol_version"]),
        ("keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3", &[]),
    ] {
        for text in both(parameter) {
            let parameters = taken(&text);
            assert_eq!(parameters.ignored, names, "{text}");
            assert_eq!(parameters.config.get_options(), None, "{text}");
        }
    }
}

#[test]
fn honoured_parameters_reach_the_configuration() {
    for text in both("tcp_user_timeout=30000&keepalives_count=5&target_session_attrs=primary&connect_timeout=7") {
        let config = taken(&text).config;
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(30)));
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(
            (config.get_keepalives_retries(), config.get_target_session_attrs()),
            (Some(5), TargetSessionAttrs::ReadWrite)
        );
    }
    assert_eq!(
        taken("hostaddr=127.0.0.1,::1 dbname=d").config.get_hosts(),
        [Host::Tcp("127.0.0.1".into()), Host::Tcp("::1".into())]
    );
    assert_eq!(taken("hostaddr=127.0.0.1 host=h dbname=d").config.get_hosts(), [Host::Tcp("h".into())]);
}

#[test]
fn parameters_that_are_unknown_or_can_not_be_honoured_are_refused_by_name() {
    for (parameter, words) in [
        ("nope=1", &["unknown option `nope`"][..]),
        ("SSLMODE=require", &["unknown option `SSLMODE`"]),
        ("sslmode=no-verify", &["`sslmode`", "verify-full"]),
        ("ssl=1", &["`ssl`", "true"]),
        ("sslrootcert=ca.pem", &["sslrootcert", "absolute path"]),
        ("sslcert=~/c.pem&sslkey=/k.pem", &["sslcert", "absolute path"]),
        ("sslcert=/c.pem", &["sslcert and sslkey"]),
        ("sslmode=require&sslrootcert=system", &["sslmode=verify-full"]),
        ("sslnegotiation=direct", &["sslmode=require"]),
        ("sslcrl=/crl.pem", &["`sslcrl`", "revoked"]),
        ("require_auth=scram-sha-256", &["`require_auth`"]),
        ("service=x", &["`service`"]),
        ("target_session_attrs=read-only", &["`target_session_attrs`", "grants nothing"]),
        ("gssencmode=require", &["`gssencmode`"]),
        ("ssl_min_protocol_version=TLSv1.3", &["`ssl_min_protocol_version`"]),
        ("keepalives_count=x", &["`keepalives_count`", "a number"]),
        ("tcp_user_timeout=-1", &["`tcp_user_timeout`", "milliseconds"]),
        ("schema=", &["empty"]),
        ("schema=a%22b", &["the schema has"]),
    ] {
        for text in both(parameter) {
            let why = refusal(&text);
            assert!(words.iter().all(|word| why.contains(word)), "{text}: {why}");
        }
    }
}

#[test]
fn no_refusal_shows_a_part_of_a_password() {
    let why = refusal("host=h dbname=d password=my xyz");
    assert!(!why.contains("`x`") && why.contains("key=value"), "{why}");
    let texts =
        ["postgres://me@h/ids?password=sec&ret=1", "host=h dbname=d password=sec ret=1", "password=secret sslmode=ret"];
    let refusals: Vec<_> = texts.iter().map(|text| refusal(text)).collect();
    for why in &refusals {
        assert!(!why.contains("sec") && !why.contains("ret"), "{why}");
    }
    assert!(refusals[2].contains("`sslmode`"), "{}", refusals[2]);
}

/// Would catch: a missing note to the operator if a file of authorities has no effect.
#[test]
fn a_file_of_authorities_without_effect_is_noted() {
    let note = |text: &str| Tls::<NoTls>::OfUrl(taken(text).tls).note();
    for (parameter, mode) in [
        ("sslrootcert=/ca.pem", "prefer"),
        ("sslrootcert=/ca.pem&sslmode=allow", "allow"),
        ("sslrootcert=/ca.pem&sslmode=disable", "disable"),
    ] {
        let expected = format!("sslrootcert has no effect with sslmode={mode}: give sslmode=verify-full");
        assert_eq!(both(parameter).map(|text| note(&text)), [Some(expected.clone()), Some(expected)]);
    }
    for parameter in ["sslmode=prefer", "sslmode=require&sslrootcert=/ca.pem", "sslrootcert=system"] {
        assert_eq!(both(parameter).map(|text| note(&text)), [None, None], "{parameter}");
    }
}

/// Would catch: a password that is sent to an address without TLS. The client uses no TLS if the address is given
/// beside a socket.
#[cfg(unix)]
#[test]
fn an_address_beside_a_socket_is_refused() {
    for text in [
        "host=/var/run/postgresql hostaddr=127.0.0.1 dbname=d sslmode=verify-full",
        "postgres:///d?host=/var/run/postgresql&hostaddr=127.0.0.1&sslmode=verify-full",
        "postgres://%2Fvar%2Frun/d?hostaddr=127.0.0.1",
        "postgres://h,%2Fvar%2Frun/d?hostaddr=127.0.0.1,127.0.0.2",
    ] {
        let why = refusal(text);
        assert!(why.contains("hostaddr beside the directory of a socket"), "{text}: {why}");
    }
    assert!(read("host=h hostaddr=127.0.0.1 dbname=d").is_ok());
}

/// Would catch: a weaker value that comes later and replaces the intended value.
#[test]
fn an_option_that_is_given_by_two_of_its_names_is_refused() {
    for (one, other) in [
        ("sslmode=verify-full", "ssl-mode=disable"),
        ("sslmode=verify-full", "ssl=true"),
        ("ssl=true", "sslmode=disable"),
        ("sslrootcert=/a.pem", "ssl-ca=/b.pem"),
        ("ssl-root-cert=system", "ssl-ca=/b.pem"),
        ("sslcert=/a.crt", "ssl-cert=/b.crt"),
        ("sslkey=/a.key", "ssl-key=/b.key"),
        ("keepalives_count=3", "keepalives_retries=4"),
    ] {
        for text in [format!("postgres://h/d?{one}&{other}"), format!("host=h dbname=d {one} {other}")] {
            let why = refusal(&text);
            assert!(why.contains("are two names of one option: give only one of the two"), "{text}: {why}");
        }
    }
}

#[test]
fn values_that_the_system_refuses_are_refused_when_they_are_read() {
    for text in ["postgres://h/d?keepalives_count=128", "postgres://h/d?keepalives_count=-1"] {
        assert!(refusal(text).contains("0 to 127"), "{text}");
    }
    assert_eq!(
        taken("postgres://h/d?keepalives_count=0").config.get_keepalives_retries(),
        None,
        "the system's default"
    );
    assert!(refusal("postgres://h/d?tcp_user_timeout=4294967296").contains("4294967295"));
    assert!(refusal("postgres://h/d?application_name=a%00b").contains("%00"));
}

#[test]
fn sslcertmode_disable_ignores_the_certificate() {
    let files = "sslcert=/a.crt&sslkey=/a.key";
    assert!(taken(&format!("postgres://h/d?{files}&sslcertmode=allow")).tls.identity.is_some());
    assert_eq!(taken(&format!("postgres://h/d?{files}&sslcertmode=disable")).tls.identity, None);
}
