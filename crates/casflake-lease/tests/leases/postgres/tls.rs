//! The modes of TLS that a URL can name, with certificates of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore};
use testkit::Scratch;
use testkit::certificates::{Authority, HERE};
use testkit::postgres::{PostgresServer, wait_until};

use super::{LAYOUT, assert_refused, granted, renew};

/// Opens a store by this host. `query` begins with `?`.
fn by(server: &PostgresServer, user: &str, host: &str, query: &str) -> PostgresStore {
    let url = format!("postgres://{user}@{host}:{}/postgres{query}", server.port());
    PostgresStore::from_url(&url).expect("a URL")
}

fn written(directory: &Path, name: &str, authority: &Authority) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, authority.certificate()).expect("a file is written");
    path
}

/// Returns whether the only connection of a store has TLS.
fn has_tls(server: &PostgresServer) -> bool {
    let query = "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE a.application_name = 'casflake'";
    let mut rows = Vec::new();
    // Connections of earlier stores may not have ended yet.
    wait_until("there is one connection", || {
        rows = server.rows(query);
        rows.len() == 1
    });
    rows[0][0] == "t"
}

#[test]
fn a_lease_is_granted_and_renewed_with_each_mode_of_tls() {
    let (server, ours) = (server!(), Authority::new("ours"));
    let files = Scratch::new();
    let roots = written(files.path(), "roots.crt", &ours).display().to_string();
    // The server has no TLS at first.
    for mode in ["", "?sslmode=allow", "?sslmode=prefer", "?sslmode=disable"] {
        let mut store = by(&server, "postgres", "127.0.0.1", mode);
        store.init_immediately(&LAYOUT, 1).expect(mode);
        assert!(!has_tls(&server), "{mode}");
    }
    server.secure(&ours.server(HERE), &ours);
    for (mode, tls) in [
        ("".into(), true),
        ("?sslmode=disable".into(), false),
        ("?sslmode=allow".into(), false),
        ("?sslmode=prefer".into(), true),
        ("?sslmode=require".into(), true),
        (format!("?sslmode=require&sslrootcert={roots}"), true),
        (format!("?sslmode=verify-ca&sslrootcert={roots}"), true),
        (format!("?sslmode=verify-full&sslrootcert={roots}"), true),
    ] {
        for host in ["localhost", "127.0.0.1"] {
            let mut store = by(&server, "postgres", host, &mode);
            store.init_immediately(&LAYOUT, 1).expect(&mode);
            let lease = granted(&mut store);
            let lease = renew(&mut store, &lease).expect(&mode);
            assert_eq!(has_tls(&server), tls, "{mode}");
            store.release(&lease, None).expect(&mode);
        }
    }
}

#[test]
fn a_wrong_certificate_is_refused_with_the_reason() {
    let (server, ours, another) = (server!(), Authority::new("ours"), Authority::new("another"));
    let files = Scratch::new();
    let roots = written(files.path(), "roots.crt", &ours).display().to_string();
    let full = format!("?sslmode=verify-full&sslrootcert={roots}");
    let (chain, require) = (full.replace("-full", "-ca"), full.replace("verify-full", "require"));
    let prefer = full.replace("verify-full", "prefer");
    for (signed, words) in [
        (another.server(HERE), "an unknown authority has signed the server's certificate"),
        (ours.expired(), "the server's certificate has expired"),
        (ours.not_yet_valid(), "the server's certificate is not valid yet"),
    ] {
        server.secure(&signed, &ours);
        for query in [&full, &chain, &require] {
            assert_refused(by(&server, "postgres", "localhost", query).survey(), &[words, "localhost:"]);
        }
        // This mode does not verify the certificate.
        by(&server, "postgres", "localhost", "?sslmode=require").others().expect("nothing is verified");
        // This mode continues without TLS.
        let mut store = by(&server, "postgres", "localhost", &prefer);
        store.others().expect("it continues without TLS");
        assert!(!has_tls(&server));
    }
    server.secure(&ours.server(&["db.example.org"]), &ours);
    let words = &["the server's certificate is for another host name"];
    assert_refused(by(&server, "postgres", "localhost", &full).survey(), words);
    by(&server, "postgres", "localhost", &chain).others().expect("its name is not verified");
    // The platform does not know the authority. Without a file, `verify-ca` verifies the name as well.
    for query in ["?sslmode=verify-full", "?sslmode=verify-ca", "?sslrootcert=system"] {
        assert_refused(by(&server, "postgres", "localhost", query).survey(), &[""]);
    }
    let missing = full.replace("roots.crt", "missing.crt");
    assert_refused(by(&server, "postgres", "localhost", &missing).survey(), &["missing.crt", "PEM certificates"]);
}

#[test]
fn a_client_is_authenticated_by_its_certificate() {
    let (server, ours, another) = (server!(), Authority::new("ours"), Authority::new("another"));
    let files = Scratch::new();
    let roots = written(files.path(), "roots.crt", &ours).display().to_string();
    server.sql("CREATE ROLE ids LOGIN");
    server.secure(&ours.server(HERE), &ours);
    server.admit("hostssl all ids all cert\n");
    let of = |signed: &testkit::certificates::Signed, name: &str| {
        let [certificate, key] = signed.write(files.path(), name).map(|path| path.display().to_string());
        format!("?sslmode=verify-full&sslrootcert={roots}&sslcert={certificate}&sslkey={key}")
    };
    let mut store = by(&server, "ids", "localhost", &of(&ours.client("ids"), "right"));
    store.others().expect("it is authenticated");
    let refused = |query: &str, words: &[&str]| assert_refused(by(&server, "ids", "localhost", query).survey(), words);
    refused(&of(&ours.client("other"), "other"), &["pg_hba.conf", "certificate authentication failed"]);
    refused(&of(&another.client("ids"), "another"), &["the server refuses the client certificate"]);
    refused("?sslmode=require", &["with a client certificate", "requires a valid client certificate"]);
}

/// Like libpq, `allow` connects without TLS first, and `prefer` with it.
#[test]
fn the_other_kind_of_connection_is_tried_if_the_first_is_not_admitted() {
    let (server, ours) = (server!(), Authority::new("ours"));
    server.sql("CREATE ROLE secure LOGIN; CREATE ROLE plain LOGIN PASSWORD 'right'");
    server.secure(&ours.server(HERE), &ours);
    server.admit("hostssl all secure all trust\nhostnossl all plain all scram-sha-256");
    for (user, query) in [
        ("secure", "?sslmode=allow"),
        ("secure", ""),
        ("plain:right", "?sslmode=allow"),
        ("plain:right", "?sslmode=prefer"),
        ("plain:right", "?sslmode=disable"),
    ] {
        let mut store = by(&server, user, "localhost", query);
        store.others().expect(query);
        assert_eq!(has_tls(&server), user == "secure", "{query}");
    }
    let not_admitted = &["pg_hba.conf", "no pg_hba.conf entry"];
    assert_refused(by(&server, "secure", "localhost", "?sslmode=disable").survey(), not_admitted);
    assert_refused(by(&server, "plain:right", "localhost", "?sslmode=require").survey(), not_admitted);
    assert_refused(by(&server, "plain:wrong", "localhost", "").survey(), &["the password"]);
}

/// The check of the password includes the certificate of the server.
#[test]
fn a_password_is_bound_to_the_tls_session() {
    let (server, ours) = (server!(), Authority::new("ours"));
    server.sql("CREATE ROLE ids LOGIN PASSWORD 'right'");
    server.secure(&ours.server(HERE), &ours);
    server.admit("host all ids all scram-sha-256");
    by(&server, "ids:right", "localhost", "?sslmode=require&channel_binding=require").others().expect("it is bound");
    let mut plain = by(&server, "ids:right", "localhost", "?sslmode=disable&channel_binding=require");
    assert_refused(plain.survey(), &["the URL has channel_binding=require", "add sslmode=require"]);
}

/// Operators replace certificates while processes run.
#[test]
fn the_next_connection_reads_replaced_certificates() {
    let (server, ours, next) = (server!(), Authority::new("ours"), Authority::new("next"));
    let files = Scratch::new();
    let roots = written(files.path(), "roots.crt", &ours);
    let query = format!("?sslmode=verify-full&sslrootcert={}", roots.display());
    server.secure(&next.server(HERE), &ours);
    let mut store = by(&server, "postgres", "localhost", &query);
    assert_refused(store.survey(), &["an unknown authority"]);
    written(files.path(), "roots.crt", &next);
    store.others().expect("the new certificate is read");
}

#[test]
fn a_socket_of_this_host_needs_no_tls() {
    let server = server!();
    let socket = server.value("SHOW unix_socket_directories");
    for mode in ["disable", "prefer", "require", "verify-full"] {
        let words = format!("host={socket} port={} user=postgres dbname=postgres sslmode={mode}", server.port());
        PostgresStore::from_url(&words).expect("words").others().expect(mode);
    }
}
