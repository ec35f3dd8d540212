//! Servers that take a connection and do not answer, or answer one byte after the other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casflake_lease::{LeaseAdmin, RedisStore};
use testkit::eventually;

use super::{acquire, assert_unavailable};

/// The server answers neither the password nor a command.
#[test]
fn a_call_to_a_server_that_never_answers_ends() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    for url in [format!("redis://{address}"), format!("redis://:secret@{address}")] {
        let mut store = RedisStore::from_url(&url).expect("a URL");
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            assert_unavailable(acquire(&mut store), "");
            assert_unavailable(acquire(&mut store), "");
            let _ = sender.send(());
        });
        ended.recv_timeout(Duration::from_secs(60)).expect("both calls end");
    }
}

/// Returns the address of a server that answers one byte after the other, and the number of its connections.
fn dripping() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
    let connections = Arc::clone(&count);
    let drip = |mut client: TcpStream| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"+");
        while client.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
    };
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // ORDERING: Relaxed. Nothing else depends on the number.
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || drip(client));
        }
    });
    (address, connections)
}

/// Would catch: a time limit for each read, when there is always one more.
#[test]
fn a_call_to_a_server_that_answers_byte_by_byte_ends_in_time() {
    let (address, _) = dripping();
    // The first URL gets a slow answer to its script, the second to its password.
    for url in [format!("redis://{address}"), format!("redis://:secret@{address}")] {
        let mut store = RedisStore::from_url(&url).expect("a URL");
        for _ in 0..2 {
            let started = Instant::now();
            assert_unavailable(store.survey(), "within");
            assert!(started.elapsed() < Duration::from_millis(4500), "{:?}", started.elapsed());
        }
    }
}

/// Would catch: a store that waits for one connection for ever.
#[test]
fn a_store_gives_up_a_connection_that_is_never_complete_for_another_one() {
    let (address, connections) = dripping();
    let mut store = RedisStore::from_url(&format!("redis://:secret@{address}")).expect("a URL");
    eventually("another connection", || {
        assert_unavailable(store.survey(), "connection");
        // ORDERING: Relaxed. Nothing else depends on the number.
        (connections.load(Ordering::Relaxed) >= 2).then_some(())
    });
}
