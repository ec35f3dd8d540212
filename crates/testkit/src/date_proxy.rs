//! An HTTP proxy that changes the header `Date` of replies. To clients, the clock of the server behind the proxy then
//! seems to be shifted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::proxy::Front;

/// A proxy that changes the header `Date` of replies. The proxy changes nothing else in requests and replies. A test
/// can also make the proxy delay requests, lose a reply, or close all connections.
pub struct DateProxy {
    front: Front,
    shifter: Arc<DateShifter>,
}

/// The part of a proxy that all its threads share.
struct DateShifter {
    settings: Mutex<Settings>,
}

/// The settings of a proxy, and its log.
struct Settings {
    upstream: u16,
    offset: i64,
    dateless: bool,
    delay: Duration,
    lost: Option<&'static str>,
    log: Vec<Passed>,
}

/// A request that the server has answered.
#[derive(Clone, Debug)]
pub struct Passed {
    pub path: String,
    pub began: Instant,
    pub ended: Instant,
}

impl DateProxy {
    /// Starts a proxy in front of the server at this port of the loopback interface.
    pub fn start(upstream: u16) -> Self {
        let settings =
            Settings { upstream, offset: 0, dateless: false, delay: Duration::ZERO, lost: None, log: Vec::new() };
        let shifter = Arc::new(DateShifter { settings: Mutex::new(settings) });
        let serving = Arc::clone(&shifter);
        Self { front: Front::open(move |client| serving.serve(&client)), shifter }
    }

    pub fn port(&self) -> u16 {
        self.front.port()
    }

    /// From now on, shifts the header `Date` of all replies by `offset` seconds from the server's real time. To
    /// clients, the server's clock then seems to be shifted by this time.
    pub fn set_clock(&self, offset: i64) {
        self.shifter.settings().offset = offset;
    }

    /// Removes the header `Date` from all replies from now on, if `hide` is `true`. If `hide` is `false`, keeps the
    /// header in all replies from now on.
    pub fn hide_date(&self, hide: bool) {
        self.shifter.settings().dateless = hide;
    }

    /// Loses the next reply to a request that contains `text`: closes the client's connection without passing the reply
    /// on.
    pub fn lose_reply(&self, text: &'static str) {
        self.shifter.settings().lost = Some(text);
    }

    /// Delays each request by `delay` from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.shifter.settings().delay = delay;
    }

    /// Passes all requests on to the server at the port `upstream` from now on. This includes the requests on
    /// connections that are already open.
    pub fn redirect(&self, upstream: u16) {
        self.shifter.settings().upstream = upstream;
    }

    /// Closes all connections, as if the server were killed.
    pub fn disconnect(&self) {
        self.front.disconnect();
    }

    /// Returns the requests that the server has answered since the last call of this method.
    pub fn take_log(&self) -> Vec<Passed> {
        std::mem::take(&mut self.shifter.settings().log)
    }
}

impl DateShifter {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().expect("no thread panics with it")
    }

    fn serve(&self, client: &TcpStream) {
        let mut upstream = None;
        let _ = self.pass(client, &mut upstream);
        let _ = client.shutdown(Shutdown::Both);
    }

    /// Passes on the requests of a client and the server's replies, one after the other.
    fn pass(&self, client: &TcpStream, upstream: &mut Option<(u16, TcpStream)>) -> io::Result<()> {
        let mut requests = BufReader::new(client);
        loop {
            let request = Message::read(&mut requests)?;
            let began = Instant::now();
            let (port, delay) = {
                let settings = self.settings();
                (settings.upstream, settings.delay)
            };
            thread::sleep(delay);
            if upstream.as_ref().is_none_or(|(at, _)| *at != port) {
                *upstream = Some((port, connect(port)?));
            }
            let Some((_, server)) = upstream else { unreachable!("connected") };
            server.write_all(&request.bytes)?;
            let mut reply = Message::read(&mut BufReader::new(&*server))?;
            let path = request.first_line().split(' ').nth(1).unwrap_or_default().to_owned();
            let (offset, dateless, is_lost) = {
                let mut settings = self.settings();
                let is_lost = settings.lost.take_if(|text| request.contains(text)).is_some();
                settings.log.push(Passed { path, began, ended: Instant::now() });
                (settings.offset, settings.dateless, is_lost)
            };
            if is_lost {
                return Ok(());
            }
            reply.shift_date(offset, dateless);
            let mut client = client;
            client.write_all(&reply.bytes)?;
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// A whole request or reply.
struct Message {
    bytes: Vec<u8>,
    head: usize,
}

impl Message {
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = read_line(from, &mut bytes)?;
            if let Some((name, value)) = line.split_once(':') {
                match &*name.to_ascii_lowercase() {
                    "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
                    "transfer-encoding" => chunked = value.trim() == "chunked",
                    _ => {}
                }
            }
            if line.is_empty() {
                break;
            }
        }
        let head = bytes.len();
        if chunked {
            loop {
                let size = u64::from_str_radix(&read_line(from, &mut bytes)?, 16).map_err(io::Error::other)?;
                if size == 0 {
                    break;
                }
                read_exactly(from, size + 2, &mut bytes)?;
            }
            while !read_line(from, &mut bytes)?.is_empty() {}
        } else {
            read_exactly(from, length, &mut bytes)?;
        }
        Ok(Self { bytes, head })
    }

    fn first_line(&self) -> &str {
        std::str::from_utf8(&self.bytes).ok().and_then(|text| text.lines().next()).unwrap_or_default()
    }

    fn contains(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes())
    }

    /// Shifts the header `Date` by this many seconds. If `hide` is `true`, also renames the header, so that clients do
    /// not find a `Date`. The length of the message stays the same, because all dates have the same length.
    fn shift_date(&mut self, seconds: i64, hide: bool) {
        let head = String::from_utf8_lossy(&self.bytes[..self.head]).into_owned();
        let Some(name) = head.find("\r\nDate: ").map(|at| at + "\r\n".len()) else { return };
        if hide {
            self.bytes[name] = b'X';
        }
        let at = name + "Date: ".len();
        let date = httpdate::parse_http_date(&head[at..at + 29]).expect("a date");
        let shift = Duration::from_secs(seconds.unsigned_abs());
        let date: SystemTime = if seconds < 0 { date - shift } else { date + shift };
        self.bytes[at..at + 29].copy_from_slice(httpdate::fmt_http_date(date).as_bytes());
    }
}

/// Reads the next line. Appends the line with its line break to `bytes`, and returns the line without the line break.
fn read_line(from: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<String> {
    let start = bytes.len();
    if from.read_until(b'\n', bytes)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes[start..]).trim_end().to_owned())
}

fn read_exactly(from: &mut impl BufRead, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    match from.take(length).read_to_end(bytes)? as u64 {
        read if read == length => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
