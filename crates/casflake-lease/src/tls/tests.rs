//! Tests of each way to verify a server, with handshakes in memory, and of the explanations of failures.

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::{env, fs, io, process};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, Connection, Error, RootCertStore, ServerConfig, ServerConnection};
use testkit::certificates::{Authority, HERE, Signed};

use super::{Identity, NO_TLS, Roots, TlsFiles, Verify, absolute, client_config, explain, refusal};
use crate::StoreError;

/// A directory that is removed on drop.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("casflake-tls-{}-{name}", process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn roots(&self, of: &Authority) -> Roots {
        let path = self.0.join("roots.pem");
        fs::write(&path, of.certificate()).expect("a file");
        Roots::File(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn server(signed: &Signed, clients: Option<&Authority>) -> ServerConnection {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).expect("PEM"))
                .expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = CertificateDer::pem_slice_iter(signed.certificate.as_bytes()).collect::<Result<_, _>>().expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).expect("PEM");
    let config = builder.with_single_cert(chain, key).expect("a certificate and its key");
    ServerConnection::new(Arc::new(config)).expect("a session")
}

/// Passes the pending messages of one side to the other side. Returns the result of processing these messages.
fn pass(from: &mut Connection, to: &mut Connection) -> Result<(), Error> {
    let mut said = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut said).expect("there is room");
    }
    let mut rest = &*said;
    while !rest.is_empty() {
        to.read_tls(&mut rest).expect("it reads");
        to.process_new_packets()?;
    }
    Ok(())
}

/// Does a handshake for the host `name`, and returns the outcome of the handshake.
fn handshake(
    verify: &Verify,
    identity: Option<&Identity>,
    name: &'static str,
    server: ServerConnection,
) -> Result<(), Error> {
    let config = client_config(verify, identity).expect("files");
    let mut client = ClientConnection::new(Arc::new(config), name.try_into().expect("a name"))?.into();
    let mut server = server.into();
    for _ in 0..4 {
        // If the server refuses something, it sends an alert, and the client returns the error.
        let _ = pass(&mut client, &mut server);
        pass(&mut server, &mut client)?;
    }
    assert!(!client.is_handshaking());
    Ok(())
}

/// Returns the explanation of a failed handshake. Wraps the failure in an `io::Error`, as connections do.
fn remedy(outcome: Result<(), Error>) -> &'static str {
    let error = io::Error::other(outcome.expect_err("it is refused"));
    explain(&error).unwrap_or_else(|| panic!("no remedy for {error}"))
}

#[test]
fn each_way_to_verify_refuses_what_it_should_and_explains_why() {
    let directory = Directory::new("verify");
    let (ours, another) = (Authority::new("an authority"), Authority::new("an authority"));
    let roots = directory.roots(&ours);
    let [nothing, chain, all] = [Verify::Nothing, Verify::Authority(roots.clone()), Verify::AuthorityAndName(roots)];
    let try_each = |signed: &Signed, name: &'static str| {
        [&nothing, &chain, &all].map(|verify| handshake(verify, None, name, server(signed, None)))
    };
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(try_each(&ours.server(HERE), name).iter().all(Result::is_ok));
    }
    let [nothing, chain, all] = try_each(&ours.server(&["db.example.org"]), "localhost");
    assert!(nothing.is_ok() && chain.is_ok());
    assert!(remedy(all).contains("another host name"));
    for (signed, words) in [
        (another.server(HERE), "an unknown authority"),
        (Authority::new("a stranger").server(HERE), "give the certificate of that authority with sslrootcert=/PATH"),
        (ours.expired(), "has expired"),
        (ours.not_yet_valid(), "not valid yet"),
        (ours.itself(), "openssl req -x509 -addext basicConstraints=critical,CA:FALSE"),
    ] {
        let [nothing, chain, all] = try_each(&signed, "localhost");
        assert!(nothing.is_ok(), "{nothing:?}");
        for outcome in [chain, all] {
            let remedy = remedy(outcome);
            assert!(remedy.contains(words), "{words}: {remedy}");
        }
    }
}

/// Returns a server that presents the certificate of another server, but does not have the key of that certificate.
fn impostor(signed: &Signed) -> ServerConnection {
    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);

    impl ResolvesServerCert for Shown {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let chain = CertificateDer::pem_slice_iter(signed.certificate.as_bytes()).collect::<Result<_, _>>().expect("PEM");
    let own = PrivateKeyDer::from_pem_slice(Signed::alone(HERE).key.as_bytes()).expect("PEM");
    let own = ring::sign::any_supported_type(&own).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = builder.with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(chain, own)))));
    ServerConnection::new(Arc::new(config)).expect("a session")
}

/// Would catch: a verifier that checks the certificate, but does not check that the server has the key of the
/// certificate.
#[test]
fn a_server_that_does_not_have_the_key_of_its_certificate_is_refused() {
    let directory = Directory::new("impostor");
    let ours = Authority::new("ours");
    let (roots, signed) = (directory.roots(&ours), ours.server(HERE));
    for verify in [Verify::Nothing, Verify::Authority(roots.clone()), Verify::AuthorityAndName(roots)] {
        let outcome = handshake(&verify, None, "localhost", impostor(&signed));
        assert!(outcome.is_err(), "{verify:?}");
    }
}

/// Checks a remedy. If a server presents the certificate of an authority as its own, the error tells the operator to
/// make a self-signed certificate like the one in this test.
#[test]
fn a_self_signed_certificate_is_accepted_if_it_is_not_that_of_an_authority() {
    let directory = Directory::new("itself");
    let alone = Signed::alone(HERE);
    let [certificate, _] = alone.write(&directory.0, "alone");
    let verify = Verify::AuthorityAndName(Roots::File(certificate));
    assert_eq!(handshake(&verify, None, "localhost", server(&alone, None)), Ok(()));
}

#[test]
fn a_client_certificate_is_sent_and_a_missing_or_wrong_one_is_explained() {
    let directory = Directory::new("client");
    let (ours, another) = (Authority::new("ours"), Authority::new("another"));
    let verify = Verify::AuthorityAndName(directory.roots(&ours));
    let of = |authority: &Authority, name: &str| {
        let [certificate, key] = authority.client("ids").write(&directory.0, name);
        Identity { certificate, key }
    };
    let (right, wrong) = (of(&ours, "right"), of(&another, "wrong"));
    let outcome = |identity| handshake(&verify, identity, "localhost", server(&ours.server(HERE), Some(&ours)));
    assert_eq!(outcome(Some(&right)), Ok(()));
    assert!(remedy(outcome(None)).contains("wants a client certificate"));
    assert!(remedy(outcome(Some(&wrong))).contains("refuses the client certificate"));
    let mixed = Identity { key: wrong.key, ..right };
    let error = client_config(&verify, Some(&mixed)).expect_err("the key is another's");
    assert!(error.to_string().contains("wrong.key") && !error.is_retryable(), "{error}");
}

#[test]
fn the_error_about_an_unusable_file_names_it_and_says_what_it_should_contain() {
    let directory = Directory::new("files");
    let write = |name: &str, contents: &str| {
        let path = directory.0.join(name);
        fs::write(&path, contents).expect("a file");
        path
    };
    let signed = Authority::new("ours").client("ids");
    let broken = "-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n";
    for path in [
        directory.0.join("missing"),
        directory.0.clone(),
        write("empty", ""),
        write("key", &signed.key),
        write("broken", broken),
        write("unended", "-----BEGIN CERTIFICATE-----\nsecret"),
        write("no certificate", &broken.replace("secret", "c2VjcmV0")),
    ] {
        let verify = Verify::Authority(Roots::File(path.clone()));
        let error = client_config(&verify, None).expect_err("it is no certificate");
        let (text, cause) = (error.to_string(), error.source().expect("a cause").to_string());
        assert!(text.contains(&*path.to_string_lossy()) && text.contains("BEGIN CERTIFICATE"), "{text}");
        assert!(matches!(error, StoreError::Refused { .. }) && !cause.contains("secret"), "{cause}");
    }
    let certificate = write("certificate", &signed.certificate);
    let identity = Identity { key: certificate.clone(), certificate };
    let error = client_config(&Verify::Nothing, Some(&identity)).expect_err("it is no key").to_string();
    assert!(error.contains("BEGIN PRIVATE KEY") && error.contains("certificate"), "{error}");
}

/// Would catch: a keeper whose thread never finishes reading a certificate file, because the file is a device without
/// an end, or a pipe without a writer.
#[cfg(unix)]
#[test]
fn a_device_a_pipe_and_a_file_that_is_too_long_are_refused() {
    let directory = Directory::new("devices");
    let long = directory.0.join("long");
    fs::write(&long, [b' '; (1 << 20) + 1]).expect("a file");
    let pipe = directory.0.join("pipe");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for (path, why) in [("/dev/zero".into(), "not a regular file"), (pipe, "not a regular file"), (long, "1 MiB")] {
        let error = client_config(&Verify::Authority(Roots::File(path)), None).expect_err("it is no certificate");
        let cause = error.source().expect("a cause").to_string();
        assert!(!error.is_retryable() && cause.contains(why), "{error}: {cause}");
    }
}

#[test]
fn a_relative_path_is_refused() {
    for path in ["ca.pem", "./ca.pem", "~/ca.pem", ""] {
        let why = absolute("sslrootcert", path).expect_err(path);
        assert!(why.contains("sslrootcert") && why.contains("absolute path"), "{why}");
    }
    let path = if cfg!(windows) { "C:\\ca.pem" } else { "/etc/ca.pem" };
    assert_eq!(absolute("sslrootcert", path).expect("a path").to_string_lossy(), path);
}

#[test]
fn an_error_that_is_not_a_tls_failure_is_not_explained() {
    let closed = io::Error::from(io::ErrorKind::ConnectionReset);
    for error in [closed, io::Error::other("refused"), io::Error::other(Error::HandshakeNotComplete)] {
        assert_eq!(explain(&error), None, "{error}");
    }
    let no_tls = Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
    assert!(explain(&io::Error::other(io::Error::other(no_tls))).is_some_and(|it| it.contains("no TLS on this port")));
}

/// Would catch: a server without TLS that is reported as unavailable because it closes the connection before it has
/// read the whole first TLS message of the client.
#[test]
fn a_server_without_tls_that_resets_the_connection_is_distinguished_from_an_unavailable_one() {
    let answers = [
        ("404 Not Found", Some(NO_TLS)),
        ("301 Moved\r\nLocation: https://h/", Some(NO_TLS)),
        ("400 Bad Request\r\n\r\nan HTTP request to an HTTPS server", None),
    ];
    for (answer, expected) in answers {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = server.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for socket in server.incoming() {
                let (mut socket, mut question) = (socket.expect("a connection"), [0; 4]);
                socket.read_exact(&mut question).expect("a question");
                if question == *b"GET " {
                    while !question.ends_with(b"\r\n\r\n") {
                        question.rotate_left(1);
                        socket.read_exact(&mut question[3..]).expect("the rest");
                    }
                    write!(socket, "HTTP/1.0 {answer}\r\n\r\n").expect("an answer");
                }
            }
        });
        let directory = Directory::new("resets");
        let files = TlsFiles { roots: directory.roots(&Authority::new("casflake")), identity: None };
        assert_eq!(refusal("127.0.0.1", port, &files), expected, "{answer}");
    }
}

#[test]
fn the_platform_has_authorities_or_the_error_says_that_it_has_none() {
    match Roots::Platform.certificates() {
        Ok(certificates) => assert!(!certificates.is_empty()),
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}
