//! What a server speaks that has hung up or says nothing: with TLS to one who asked without, or the other way round.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::{Files, NO_TLS, Session, Verify, client_config, explain_to};

/// How long a question may take.
pub(crate) const PROBE: Duration = Duration::from_millis(500);

/// The types of the records that a server of TLS can begin with: an alert and a handshake.
const RECORDS: [u8; 2] = [21, 22];

/// Connects to the first of a host's addresses that takes a connection.
pub(crate) fn connect(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::NotFound.into());
    for address in (host, port).to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, patience);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Returns whether the other side has closed the connection, as one does without a word that was not understood. It
/// resets one of which it has not read everything.
pub(crate) fn has_hung_up(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns whether a server speaks TLS.
pub(crate) fn speaks_tls(host: &str, port: u16) -> bool {
    hello(host).and_then(|hello| first_byte(host, port, hello)).is_some_and(|first| RECORDS.contains(&first))
}

/// Returns the first byte that a server answers to a question, within [`PROBE`].
pub(crate) fn first_byte(host: &str, port: u16, question: Vec<u8>) -> Option<u8> {
    let host = host.to_owned();
    within(move || ask(&host, port, &question, 1).ok()?.first().copied())
}

/// Returns what a server of HTTP has against a session by these files, within [`PROBE`]. One that hangs up while
/// something is sent to it may have said so, and not have been heard.
pub(crate) fn refusal(host: &str, port: u16, files: &Files) -> Option<&'static str> {
    let (host, files) = (host.to_owned(), files.clone());
    within(move || {
        let socket = connect(&host, port, PROBE).ok()?;
        socket.set_read_timeout(Some(PROBE)).ok()?;
        let mut session = Session::new(files.config().ok()?, &host, socket).ok()?;
        let explain = |error| explain_to(files.identity.is_some(), error);
        match session.shake_hands() {
            // For a certificate of the client's it asks at the end.
            Ok(()) => explain(&session.read(&mut [0]).err()?),
            Err(error) if has_hung_up(&error) => {
                let answer = ask(&host, port, b"GET /version HTTP/1.0\r\n\r\n", 1024).ok()?;
                is_http_alone(&answer).then_some(NO_TLS)
            }
            Err(error) => explain(&error),
        }
    })
}

/// Does `work` on a thread of its own, because nothing bounds the look-up of a name.
fn within<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, answer) = mpsc::sync_channel(1);
    // Nobody may wait for it any more.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-probe")).spawn(work).ok()?;
    answer.recv_timeout(PROBE).ok()?
}

/// Returns whether an answer is one of HTTP, from a server that has no TLS there. One that has may say so in HTTP, as a
/// bad request.
fn is_http_alone(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_uppercase();
    answer.starts_with("HTTP/") && !(answer.contains(" 400 ") && answer.contains("HTTPS"))
}

/// Returns the first `size` bytes that a server answers, or what has come of them when it pauses. There is one at least.
fn ask(host: &str, port: u16, question: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut socket = connect(host, port, PROBE)?;
    socket.set_read_timeout(Some(PROBE))?;
    socket.write_all(question)?;
    let mut answer = vec![0];
    socket.read_exact(&mut answer)?;
    socket.set_read_timeout(Some(PROBE / 4))?;
    // A failure is the end of the answer.
    let _ = socket.take(size - 1).read_to_end(&mut answer);
    Ok(answer)
}

/// What a session of TLS begins with.
fn hello(host: &str) -> Option<Vec<u8>> {
    let config = client_config(&Verify::Nothing, None).ok()?;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).ok()?;
    Some(hello)
}
