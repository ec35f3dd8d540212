//! `rediss://`, with a Redis that has both: a port with TLS and one without.

use std::net::TcpListener;
use std::path::Path;

use testkit::certificates::{HERE, Signed};
use testkit::redis::RedisServer;

use super::{Files, WRONG, assert_issues, assert_refused};

struct Server {
    redis: RedisServer,
    files: Files,
}

impl Server {
    /// One with a certificate of the test's authority, or `None` where Redis is not installed.
    #[track_caller]
    fn start(signed: impl Fn(&Files) -> Signed, clients: &str) -> Option<Self> {
        let files = Files::new();
        let [certificate, key] = signed(&files).write(files.path(), "server");
        let show = |path: &Path| path.display().to_string();
        let options = || {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
            let (certificate, key, roots) = (show(&certificate), show(&key), show(&files.roots));
            let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &roots];
            let port = free.port().to_string();
            let ports = ["--tls-port", &port, "--tls-auth-clients", clients];
            ports.into_iter().chain(files).map(String::from).collect()
        };
        let Some(redis) = RedisServer::start_with(options) else {
            testkit::skipped("rediss", "redis-server");
            return None;
        };
        Some(Self { redis, files })
    }

    /// Its port that has TLS.
    fn host(&self) -> String {
        format!("localhost:{}", self.redis.options()[1])
    }
}

#[test]
fn rediss_is_tls_for_either_scheme_with_a_user_and_a_database() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    let (host, parameters) = (server.host(), server.files.parameters());
    assert_issues(&format!("rediss://{host}{parameters}"));
    assert_issues(&format!("valkeys://{}{parameters}&protocol=3#orders", host.replace("localhost", "127.0.0.1")));
    server.redis.command("ACL", &["SETUSER", "ids", "on", ">s3cr3t", "~casflake:*", "+@all"]);
    // As it is, the user of those who name none takes any password.
    server.redis.command("ACL", &["SETUSER", "default", "resetpass"]);
    assert_issues(&format!("rediss://ids:s3cr3t@{host}/3{parameters}"));
    assert_issues(&format!("rediss://ids:s3cr3t@{host}/3{parameters}&protocol=3"));
    assert_refused(&format!("rediss://ids:wrong@{host}{parameters}"), "correct the user or the password");
}

#[test]
fn a_redis_with_a_wrong_certificate_is_refused_and_it_is_said_why() {
    for (words, signed) in WRONG {
        let Some(server) = Server::start(|files| signed(&files.authority), "no") else { return };
        let (host, parameters) = (server.host(), server.files.parameters());
        assert_refused(&format!("rediss://:s3cr3t@{host}{parameters}"), words);
        // The name of a space, and nothing else.
        assert_refused(&format!("rediss://:s3cr3t@{host}{parameters}#insecure"), words);
    }
}

#[test]
fn a_redis_that_no_authority_of_the_platform_has_signed_is_refused() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    assert_refused(&format!("rediss://:s3cr3t@{}", server.host()), "");
}

#[test]
fn a_redis_that_wants_a_client_certificate_takes_one_and_refuses_none() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "yes") else { return };
    let host = server.host();
    assert_issues(&format!("rediss://{host}{}", server.files.parameters_of_client()));
    assert_refused(&format!("rediss://:s3cr3t@{host}{}", server.files.parameters()), "wants a client certificate");
    let strangers = Files::new();
    let of_stranger = strangers.parameters_of_client();
    let (_, identity) = of_stranger.split_once('&').expect("a certificate");
    let url = format!("rediss://{host}{}&{identity}", server.files.parameters());
    assert_refused(&url, "refuses the client certificate");
}

#[test]
fn a_file_that_is_missing_or_of_another_key_is_named() {
    let files = Files::new();
    let url = format!("rediss://127.0.0.1:1?sslrootcert={}/missing", files.path().display());
    assert_refused(&url, "missing");
    let [certificate, _] = files.authority.client("one").write(files.path(), "one");
    let [_, key] = files.authority.client("two").write(files.path(), "two");
    let identity = format!("&sslcert={}&sslkey={}", certificate.display(), key.display());
    let url = format!("rediss://127.0.0.1:1{}{identity}", files.parameters());
    assert_refused(&url, "two.key");
}

#[test]
fn a_redis_that_has_no_tls_or_nothing_else_is_told_from_one_that_is_away() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    let without = format!("127.0.0.1:{}{}", server.redis.port(), server.files.parameters());
    assert_refused(&format!("rediss://:s3cr3t@{without}"), "the server has no TLS on this port");
    assert_refused(&format!("redis://:s3cr3t@{}", server.host()), "write rediss:// in place of redis://");
    assert_refused(&format!("redis://{}", server.host()), "write rediss:// in place of redis://");
}
