//! A way to a server that can be cut: before what a client asks for is done, or after.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// Where clients connect, each of which is served in a thread of its own.
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
                // Ends with the connection, of whichever side.
                thread::spawn(move || serve(client));
            }
        });
        Self { address, clients }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes all connections, as those of a server that is killed are.
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
        // The thread that accepts sees it at the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// What becomes of what clients say while the way is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It is lost.
    Before,
    /// What they say next by the connections that they have comes through, and no answer. More is lost.
    After,
    /// It comes through when the way is healed, whether they are still there or not.
    Late,
}

/// What becomes of a connection by which something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It stays as it is, and nothing is heard of the other end.
    Open,
    Closed,
}

/// Passes on bytes, whatever they mean.
pub struct Proxy {
    front: Front,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    healed: Condvar,
}

#[derive(Default)]
struct State {
    cut: Option<(Cut, Ends)>,
    /// How often it was cut: connections are older than a cut, or not.
    cuts: u64,
    /// Whether answers are lost by now.
    is_mute: bool,
    has_lost: bool,
    trips: u32,
    is_client_speaking: bool,
}

/// What is done with some bytes.
enum Fate {
    Passed,
    Lost(Ends),
}

impl Proxy {
    /// In front of the server at this port of the loopback.
    pub fn to(port: u16) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), healed: Condvar::new() });
        let serving = Arc::clone(&shared);
        Self { front: Front::open(move |client| serving.serve(&client, port)), shared }
    }

    pub fn port(&self) -> u16 {
        self.front.port()
    }

    /// Cuts the way, as soon as a client says something.
    pub fn cut(&self, cut: Cut, ends: Ends) {
        let mut state = self.shared.state();
        state.cut = Some((cut, ends));
        state.cuts += 1;
        state.has_lost = false;
    }

    pub fn heal(&self) {
        let mut state = self.shared.state();
        (state.cut, state.is_mute) = (None, false);
        self.shared.healed.notify_all();
    }

    /// Whether something was lost, or is late, since the way was cut.
    pub fn has_lost(&self) -> bool {
        self.shared.state().has_lost
    }

    /// How often a client has spoken after the server has.
    pub fn trips(&self) -> u32 {
        self.shared.state().trips
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // So that nobody waits for it any more.
        self.heal();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with it")
    }

    fn serve(&self, client: &TcpStream, port: u16) {
        let cuts = self.state().cuts;
        // Where there is no server the client is told so.
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass(client, &server, || self.said(cuts));
                // It may yet read what it was told.
                let _ = server.shutdown(Shutdown::Write);
            });
            self.pass(&server, client, || self.answered());
            let _ = client.shutdown(Shutdown::Both);
        });
    }

    /// Until one of them has closed the connection, or it is to be closed.
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

    /// What becomes of what a client has said, whose connection is older than the cuts that come.
    fn said(&self, cuts: u64) -> Fate {
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
                let is_late = |state: &mut State| state.cut.is_some_and(|(cut, _)| cut == Cut::Late);
                state = self.healed.wait_while(state, is_late).expect("no thread panics with it");
            }
        }
        state.trips += u32::from(!state.is_client_speaking);
        state.is_client_speaking = true;
        Fate::Passed
    }

    fn answered(&self) -> Fate {
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
