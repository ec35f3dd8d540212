//! A TCP proxy between clients and a server. A test can cut the proxy. A cut proxy loses requests, delays them, or
//! loses only the replies.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// Listens for clients on a free port of the loopback interface. Serves each client on a thread of its own.
pub struct Front {
    address: SocketAddr,
    clients: Arc<Mutex<Clients>>,
}

#[derive(Default)]
struct Clients {
    all: Vec<TcpStream>,
    ended: bool,
}

impl Front {
    pub fn open(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let clients = Arc::new(Mutex::new(Clients::default()));
        let (accepting, serve) = (Arc::clone(&clients), Arc::new(serve));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut clients = accepting.lock().expect("no thread panics with it");
                if clients.ended {
                    return;
                }
                clients.all.push(client.try_clone().expect("a socket"));
                let serve = Arc::clone(&serve);
                // The thread ends when either side closes the connection.
                thread::spawn(move || serve(client));
            }
        });
        Self { address, clients }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes the connections of all clients, as if the server were killed.
    pub fn disconnect(&self) {
        for client in self.clients.lock().expect("no thread panics with it").all.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.clients.lock().expect("no thread panics with it").ended = true;
        self.disconnect();
        // The accepting thread checks `ended` at the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// Says what happens to requests and replies while the proxy is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Requests are lost.
    Before,
    /// If a connection is older than the cut, its requests reach the server. On newer connections, requests are lost.
    /// As soon as the proxy has passed the first request to the server, all replies are lost.
    After,
    /// Requests wait in the proxy until the test heals the proxy. Then the requests pass, even if their clients are
    /// gone.
    Late,
}

/// Says what happens to a connection on which the proxy has lost a request or a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The connection stays open. The lost bytes never arrive.
    Open,
    Closed,
}

/// A proxy in front of a server. The proxy passes bytes in both directions without reading their meaning.
pub struct Proxy {
    front: Front,
    wire: Arc<Wire>,
}

/// The part of a proxy that all its threads share. It passes or loses the bytes between the clients and the server.
struct Wire {
    state: Mutex<WireState>,
    healed: Condvar,
}

#[derive(Default)]
struct WireState {
    cut: Option<(Cut, Ends)>,
    /// The number of cuts so far. If this number has grown since a connection began, the connection is older than the
    /// latest cut.
    cuts: u64,
    /// Becomes `true` when a request passes during a [`Cut::After`]. From then on replies are lost, until the test
    /// heals the proxy.
    is_mute: bool,
    has_lost: bool,
    trips: u32,
    is_client_speaking: bool,
}

/// The proxy's decision about bytes that it has received.
enum Fate {
    Passed,
    Lost(Ends),
}

impl Proxy {
    /// Starts a proxy in front of the server at `port` of the loopback interface.
    pub fn to(port: u16) -> Self {
        let wire = Arc::new(Wire { state: Mutex::default(), healed: Condvar::new() });
        let serving = Arc::clone(&wire);
        Self { front: Front::open(move |client| serving.serve(&client, port)), wire }
    }

    pub fn port(&self) -> u16 {
        self.front.port()
    }

    /// Cuts the proxy. The cut has no effect until a client sends the next request.
    pub fn cut(&self, cut: Cut, ends: Ends) {
        let mut state = self.wire.state();
        state.cut = Some((cut, ends));
        state.cuts += 1;
        state.has_lost = false;
    }

    pub fn heal(&self) {
        let mut state = self.wire.state();
        (state.cut, state.is_mute) = (None, false);
        self.wire.healed.notify_all();
    }

    /// Returns whether the proxy has lost or delayed any bytes since the last call of [`cut`](Self::cut).
    pub fn has_lost(&self) -> bool {
        self.wire.state().has_lost
    }

    /// Returns the number of round trips on all connections together. A round trip begins when the proxy passes bytes
    /// to the server for the first time, or for the first time after a reply.
    pub fn trips(&self) -> u32 {
        self.wire.state().trips
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // So that no thread waits for the proxy to be healed.
        self.heal();
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().expect("no thread panics with it")
    }

    fn serve(&self, client: &TcpStream, port: u16) {
        let cuts = self.state().cuts;
        // If there is no server, the connection is closed, so that the client learns of it.
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass(client, &server, || self.fate_of_request(cuts));
                // The server may still read what was sent before.
                let _ = server.shutdown(Shutdown::Write);
            });
            self.pass(&server, client, || self.fate_of_reply());
            let _ = client.shutdown(Shutdown::Both);
        });
    }

    /// Passes bytes from `from` to `to`, except those for which `fate` returns `Lost`. Returns when one side closes its
    /// connection. If `fate` returns `Lost(Ends::Closed)`, closes both connections and returns.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, fate: impl Fn() -> Fate) {
        let _ = to.set_nodelay(true);
        let mut bytes = [0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            match fate() {
                Fate::Passed if to.write_all(&bytes[..count]).is_ok() => {}
                Fate::Lost(Ends::Open) => {}
                Fate::Passed => return,
                Fate::Lost(Ends::Closed) => {
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }

    /// Decides about bytes from a client. `cuts` is the number of cuts before the client's connection began. During a
    /// [`Cut::Late`], waits until the test heals the proxy.
    fn fate_of_request(&self, cuts: u64) -> Fate {
        let mut state = self.state();
        match state.cut {
            None => {}
            Some((Cut::After, _)) if cuts < state.cuts => state.is_mute = true,
            Some((Cut::Before | Cut::After, ends)) => {
                state.has_lost = true;
                return Fate::Lost(ends);
            }
            Some((Cut::Late, _)) => {
                state.has_lost = true;
                let is_late = |state: &mut WireState| state.cut.is_some_and(|(cut, _)| cut == Cut::Late);
                state = self.healed.wait_while(state, is_late).expect("no thread panics with it");
            }
        }
        state.trips += u32::from(!state.is_client_speaking);
        state.is_client_speaking = true;
        Fate::Passed
    }

    fn fate_of_reply(&self) -> Fate {
        let mut state = self.state();
        state.is_client_speaking = false;
        match state.cut {
            Some((Cut::After, ends)) if state.is_mute => {
                state.has_lost = true;
                Fate::Lost(ends)
            }
            _ => Fate::Passed,
        }
    }
}
