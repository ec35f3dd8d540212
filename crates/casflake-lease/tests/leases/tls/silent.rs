//! Servers that take a connection and then send nothing, or an endless handshake.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use casflake_lease::{StoreError, from_url};

use super::{Files, IN_TIME};

/// Starts a server that answers with a handshake, byte by byte and without an end.
fn dripping() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let drip = |mut client: TcpStream| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(&[22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb]);
        while client.write_all(&[3]).is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    };
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || drip(client));
        }
    });
    address
}

#[test]
fn a_call_ends_in_time_if_the_handshake_hangs() {
    let files = Files::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    for address in [silent.local_addr().expect("an address"), dripping()] {
        for scheme in ["rediss", "etcds"] {
            if !cfg!(feature = "redis") && scheme == "rediss" || !cfg!(feature = "etcd") && scheme == "etcds" {
                continue;
            }
            let mut store = from_url(&format!("{scheme}://{address}{}", files.parameters())).expect("a URL");
            for _ in 0..2 {
                let started = Instant::now();
                let error = store.survey().expect_err("there is no answer");
                assert!(matches!(error, StoreError::Unavailable { .. }), "{scheme}: {error:?}");
                assert!(started.elapsed() < IN_TIME, "{scheme}: {:?}", started.elapsed());
            }
        }
    }
}
