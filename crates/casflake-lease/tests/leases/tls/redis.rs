//! `rediss://`, with a Redis that has a port with TLS and one without.

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
    /// Starts a server with a certificate of the test's authority. Returns `None` if Redis is not installed.
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

    /// Returns its address with TLS.
    fn host(&self) -> String {
        format!("localhost:{}", self.redis.options()[1])
    }
}

#[test]
fn a_rediss_or_valkeys_url_uses_tls_with_a_user_and_a_database() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    let (host, parameters) = (server.host(), server.files.parameters());
    assert_issues(&format!("rediss://{host}{parameters}"));
    assert_issues(&format!("valkeys://{}{parameters}&protocol=3#orders", host.replace("localhost", "127.0.0.1")));
    server.redis.command("ACL", &["SETUSER", "ids", "on", ">s3cr3t", "~casflake:*", "+@all"]);
    // Without this, the default user accepts any password.
    server.redis.command("ACL", &["SETUSER", "default", "resetpass"]);
    assert_issues(&format!("rediss://ids:s3cr3t@{host}/3{parameters}"));
    assert_issues(&format!("rediss://ids:s3cr3t@{host}/3{parameters}&protocol=3"));
    assert_refused(&format!("rediss://ids:wrong@{host}{parameters}"), "correct the user or the password");
}

#[test]
fn a_redis_with_a_wrong_certificate_is_refused_with_the_reason() {
    for (words, signed) in WRONG {
        let Some(server) = Server::start(|files| signed(&files.authority), "no") else { return };
        let (host, parameters) = (server.host(), server.files.parameters());
        assert_refused(&format!("rediss://:s3cr3t@{host}{parameters}"), words);
        // For this store, it is only the name of a space.
        assert_refused(&format!("rediss://:s3cr3t@{host}{parameters}#insecure"), words);
    }
}

#[test]
fn a_redis_whose_authority_the_platform_does_not_know_is_refused() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    assert_refused(&format!("rediss://:s3cr3t@{}", server.host()), "");
}

#[test]
fn a_redis_that_wants_a_client_certificate_accepts_only_its_authoritys() {
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
fn an_error_names_a_file_that_is_missing_or_belongs_to_another_key() {
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
fn a_redis_with_no_tls_or_with_only_tls_is_refused_with_a_remedy() {
    let Some(server) = Server::start(|files| files.authority.server(HERE), "no") else { return };
    let without = format!("127.0.0.1:{}{}", server.redis.port(), server.files.parameters());
    assert_refused(&format!("rediss://:s3cr3t@{without}"), "the server has no TLS on this port");
    assert_refused(&format!("redis://:s3cr3t@{}", server.host()), "write rediss:// in place of redis://");
    assert_refused(&format!("redis://{}", server.host()), "write rediss:// in place of redis://");
}
