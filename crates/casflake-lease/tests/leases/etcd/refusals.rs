//! Refusals of a server that an operator must mend.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use casflake_lease::{EtcdStore, LeaseAdmin, StoreError};

use super::{REFUSED, acquire, assert_denied, initialised, renew};

#[test]
fn a_user_is_authenticated_by_its_password() {
    let Some((server, _)) = initialised(8) else { return };
    for args in [&["user", "add", "root:p@ss"][..], &["user", "grant-role", "root", "root"], &["auth", "enable"]] {
        server.etcdctl(args);
    }
    let host = server.direct();
    assert_denied(acquire(&mut EtcdStore::from_url(&format!("etcd://{host}")).unwrap()), REFUSED);
    let error = acquire(&mut EtcdStore::from_url(&format!("etcd://root:secret@{host}")).unwrap()).unwrap_err();
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let mut store = EtcdStore::from_url(&format!("etcd://root:p%40ss@{host}")).unwrap();
    assert!(!format!("{store:?}").contains("p@ss"), "{store:?}");
    let grant = acquire(&mut store).unwrap();
    // etcd forgets the tokens that it has issued.
    server.etcdctl(&["--user", "root:p@ss", "auth", "disable"]);
    server.etcdctl(&["auth", "enable"]);
    assert_eq!(renew(&mut store, &grant, 0).unwrap().lease.counter(), 2);
}

#[test]
fn a_refusal_that_time_does_not_mend_is_permanent_and_has_a_remedy() {
    let Some((server, _)) = initialised(8) else { return };
    let host = server.direct();
    let assert_refused = |user: &str, words: &str| {
        let error = acquire(&mut EtcdStore::from_url(&format!("etcd://{user}{host}")).unwrap()).unwrap_err();
        let text = format!("{error:?}");
        assert!(matches!(error, StoreError::Refused { .. }) && !error.is_retryable(), "{text}");
        assert!(text.contains(words) && text.contains(&host) && !text.contains("s3cr3t"), "{words}: {text}");
    };
    assert_refused("root:s3cr3t@", "leave the user out of the URL");
    for args in [
        &["user", "add", "root:secret"][..],
        &["user", "grant-role", "root", "root"],
        &["user", "add", "ids:secret"],
        &["role", "add", "ids"],
        &["role", "grant-permission", "ids", "readwrite", "/elsewhere/", "--prefix"],
        &["user", "grant-role", "ids", "ids"],
        &["auth", "enable"],
    ] {
        server.etcdctl(args);
    }
    assert_refused("", "etcd requires a user");
    assert_refused("root:s3cr3t@", "correct the user or the password");
    assert_refused("nobody:s3cr3t@", "correct the user or the password");
    assert_refused("ids:secret@", "grant the user a role");
}

#[test]
fn a_server_that_is_not_etcd_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("etcd://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
        }
    });
    let error = EtcdStore::from_url(&url).unwrap().survey().unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("etcd 3.4 or later, with its gateway on"), "{error}");
}

#[test]
fn an_etcds_url_never_uses_plain_http() {
    let Some((server, _)) = initialised(8) else { return };
    let mut store = EtcdStore::from_url(&format!("etcds://{}", server.direct())).unwrap();
    assert_denied(acquire(&mut store), REFUSED);
}
