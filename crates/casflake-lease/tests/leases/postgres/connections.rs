//! URLs, hosts, connectors, and connections that fail.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use casflake_lease::{AcquireRequest, LeaseAdmin, LeaseStore, PostgresStore, StoreError};
use testkit::Server;
use testkit::postgres::PostgresServer;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{NoTls, Socket};

use super::{LAYOUT, TTL, acquire, assert_refused, assert_unavailable, granted, initialised, renew, token};

#[test]
fn a_failed_call_says_how_the_server_failed() {
    let mut server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);

    server.stop();
    let started = Instant::now();
    assert_unavailable(renew(&mut store, &lease), "no answer for 2s");
    // These calls open a new connection.
    assert_unavailable(acquire(&mut store, token()), "no answer for 2s");
    assert_unavailable(store.release(&lease, None), "no answer for 2s");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    server.go_on();
    // The first renewal may have had its effect.
    let lease = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).expect("it is ours").lease;

    server.kill();
    assert!(matches!(renew(&mut store, &lease), Err(StoreError::Unavailable { .. })));
    assert_unavailable(renew(&mut store, &lease), "connecting to PostgreSQL");
    server.restart();
    renew(&mut store, &lease).expect("it is ours");
    // A server that shuts down says so.
    server.restart_cleanly(&[]);
    assert_unavailable(renew(&mut store, &lease), "terminating connection due to administrator command");
}

#[test]
fn a_store_works_on_a_thread_of_a_runtime() {
    let server = server!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut store = initialised(&server, 1);
        let lease = granted(&mut store);
        renew(&mut store, &lease).expect("it is ours");
        server.stop();
        assert_unavailable(renew(&mut store, &lease), "no answer for 2s");
        server.go_on();
        drop(store);
    });
}

#[test]
fn a_url_that_is_not_of_postgresql_is_refused() {
    let refused = PostgresStore::from_url("postgresql://host:port");
    assert!(matches!(refused, Err(StoreError::Url { .. })), "{refused:?}");
    let odd = PostgresStore::from_url("postgresql://me:secret@host/ids?nope=1").unwrap_err().to_string();
    assert!(odd.contains("unknown option `nope`") && !odd.contains("secret"), "{odd}");
    let mut store = PostgresStore::from_url("user=postgres dbname=ids").expect("words");
    assert_refused(store.survey(), &["invalid configuration", "host"]);
    let secret =
        PostgresStore::from_url("postgresql://me:secret@host/ids").expect("a URL").space("orders").expect("a name");
    let shown = format!("{secret:?}");
    assert!(shown.contains("orders") && !shown.contains("secret"), "{shown}");
}

#[test]
fn of_several_hosts_the_writable_one_is_used() {
    let (mut standby, primary) = (server!(), server!());
    standby.become_standby();
    let ports = [standby.port(), primary.port()];
    let url = format!("postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", ports[0], ports[1]);
    initialised(&primary, 1);
    let mut store = PostgresStore::from_url(&url).expect("a URL");
    let mut lease = granted(&mut store);
    standby.stop();
    // The host that hangs gets only a share of the time, whichever is asked first.
    for _ in 0..4 {
        let mut store = PostgresStore::from_url(&url).expect("a URL");
        lease = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("the other host is asked").lease;
    }
}

/// A connector without TLS, which is not `Sync`.
#[derive(Clone)]
struct Plain(PhantomData<Cell<()>>);

impl MakeTlsConnect<Socket> for Plain {
    type Stream = <NoTls as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = NoTls;
    type Error = <NoTls as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, _: &str) -> Result<NoTls, Self::Error> {
        Ok(NoTls)
    }
}

#[test]
fn a_connector_of_the_caller_makes_the_connections() {
    let server = server!();
    let plain = Plain(PhantomData);
    let mut store = PostgresStore::with_tls(server.url().parse().expect("a URL"), plain);
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = store.acquire(&AcquireRequest::new(&LAYOUT, token(), TTL, "a test")).expect("it is free").lease;
    store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("it is ours");
}
