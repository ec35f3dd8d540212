//! `etcds://`, with an etcd that has TLS.

use testkit::TlsEtcd;
use testkit::certificates::{HERE, Signed};

use super::{Files, WRONG, assert_issues, assert_refused};

/// Starts a server with a certificate of the test's authority. Returns `None` if etcd is not installed.
#[track_caller]
fn start(signed: impl Fn(&Files) -> Signed, wants_clients: bool) -> Option<(TlsEtcd, Files)> {
    let files = Files::new();
    let pair = signed(&files).write(files.path(), "server");
    let server = TlsEtcd::start(&pair, wants_clients.then_some(&*files.roots))?;
    Some((server, files))
}

#[test]
fn an_etcds_url_uses_tls_with_a_user_and_with_several_members() {
    let Some((server, files)) = start(|files| files.authority.member(HERE), false) else { return };
    let (host, parameters) = (server.host(), files.parameters());
    assert_issues(&format!("etcds://{host}{parameters}"));
    assert_issues(&format!("etcds://localhost:1,{host}/{parameters}#orders"));
    server.turn_authentication_on(&files.roots, "root:s3cr3t");
    assert_issues(&format!("etcds://root:s3cr3t@{host}{parameters}#users"));
    assert_refused(&format!("etcds://root:wrong@{host}{parameters}"), "correct the user or the password");
    assert_refused(&format!("etcds://{host}{parameters}"), "etcd requires a user");
}

#[test]
fn an_etcd_with_a_wrong_certificate_is_refused_with_the_reason() {
    for (words, signed) in WRONG {
        let Some((server, files)) = start(|files| signed(&files.authority), false) else { return };
        assert_refused(&format!("etcds://u:s3cr3t@{}{}", server.host(), files.parameters()), words);
    }
}

#[test]
fn an_etcd_that_wants_a_client_certificate_accepts_only_its_authoritys() {
    let Some((server, files)) = start(|files| files.authority.member(HERE), true) else { return };
    let host = server.host();
    assert_issues(&format!("etcds://{host}{}", files.parameters_of_client()));
    let without = files.parameters();
    assert_refused(&format!("etcds://u:s3cr3t@{host}{without}"), "wants a client certificate");
    let strangers = Files::new();
    let of_stranger = strangers.parameters_of_client();
    let (_, identity) = of_stranger.split_once('&').expect("a certificate");
    assert_refused(&format!("etcds://{host}{without}&{identity}"), "refuses the client certificate");
}

#[test]
fn an_etcd_with_no_tls_or_with_only_tls_is_refused_with_a_remedy() {
    let Some((server, files)) = start(|files| files.authority.member(HERE), false) else { return };
    assert_refused(&format!("etcd://u:s3cr3t@{}", server.host()), "write etcds:// in place of etcd://");
    let Some(without) = testkit::EtcdServer::start() else { return };
    let url = format!("etcds://u:s3cr3t@{}{}", without.direct(), files.parameters());
    assert_refused(&url, "the server has no TLS on this port");
}

/// Would catch: a refusal by one member that ends the wait for another one.
#[test]
fn a_refusal_is_retryable_while_another_member_is_away() {
    let Some((server, files)) = start(|files| files.authority.expired(), false) else { return };
    for hosts in [format!("localhost:1,{}", server.host()), format!("{},localhost:1", server.host())] {
        let mut store = casflake_lease::from_url(&format!("etcds://{hosts}{}", files.parameters())).expect("a URL");
        let error = store.survey().expect_err("neither grants");
        assert!(error.is_retryable(), "{error:?}");
    }
}
