//! A Redis server for one test, and the events that can happen to it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, io, process, thread};

use ::redis::{Client, Connection, RedisResult};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::proxy::Proxy;
use crate::server::Server;

/// The longest time that a test waits for the server to answer, to start, or to become a replica.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The key of the space that `casflake_lease::RedisStore` uses by default.
const KEY: &str = "casflake:default";

/// A server on a free port of the loopback interface, with data of its own. When this value is dropped, the server is
/// killed and the data are removed.
pub struct RedisServer {
    port: u16,
    directory: PathBuf,
    faketime: Option<PathBuf>,
    /// The command-line options that the test has added to the default ones.
    options: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts a server. Returns `None` if `redis-server` is in no directory of `PATH`.
    pub fn start() -> Option<Self> {
        is_there("redis-server").then(|| Self::with(None, Vec::new))
    }

    /// Starts a server with the command-line options that `options` returns. If the server does not start, calls
    /// `options` again and makes a new attempt. So `options` can choose another port if another process has taken the
    /// first one. Returns `None` if `redis-server` is in no directory of `PATH`.
    pub fn start_with(options: impl Fn() -> Vec<String>) -> Option<Self> {
        is_there("redis-server").then(|| Self::with(None, options))
    }

    /// Returns the command-line options that [`start_with`](Self::start_with) has started the server with.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// Starts a server whose clock [`set_clock`](Self::set_clock) can shift. Returns `None` if `redis-server` or
    /// libfaketime is not installed.
    pub fn start_with_faked_clock() -> Option<Self> {
        let library = faketime()?;
        is_there("redis-server").then(|| Self::with(Some(library), Vec::new))
    }

    fn with(faketime: Option<PathBuf>, options: impl Fn() -> Vec<String>) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let directory = new_directory();
            fs::create_dir(directory.join("data")).expect("a directory");
            fs::write(directory.join("clock"), "+0").expect("a file");
            // The port is free now. If another process takes it meanwhile, the server ends, and the next round tries
            // another.
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
            let port = free.expect("a port").port();
            let options = options();
            let process = spawn(&directory, port, faketime.as_deref(), &options);
            let mut server = Self { port, directory, faketime: faketime.clone(), options, process };
            if server.is_up_before(deadline) {
                return server;
            }
        }
    }

    pub fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// Returns the server's URL with `port` as its port. `port` is the server's own port, or the port of a proxy in
    /// front of the server.
    pub fn url_by(&self, port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of the server's Unix socket.
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.directory.join("socket").display())
    }

    /// Returns a connection for the test's own commands.
    pub fn connection(&self) -> Connection {
        self.connect().expect("a connection")
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = Client::open(self.url())?.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        Ok(connection)
    }

    /// Returns the value of the field `name` in the server's answer to `INFO`. Returns `None` if the server does not
    /// answer or the answer has no such field.
    pub fn info(&self, name: &str) -> Option<String> {
        let text: String = ::redis::cmd("INFO").query(&mut self.connect().ok()?).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    /// Sets the server's clock `offset_seconds` ahead of the machine's clock. A negative number sets the server's clock
    /// behind.
    pub fn set_clock(&self, offset_seconds: i64) {
        self.fake(&format!("{offset_seconds:+}"));
    }

    /// Makes the server's clock stand still at the Unix time `unix_seconds`.
    pub fn freeze_clock(&self, unix_seconds: u64) {
        self.fake(&unix_seconds.to_string());
    }

    fn fake(&self, time: &str) {
        assert!(self.faketime.is_some(), "the clock of this server can't be set");
        let new = self.directory.join("clock.new");
        fs::write(&new, time).and_then(|()| fs::rename(new, self.directory.join("clock"))).expect("a file");
    }

    /// Stops the server's process until [`go_on`](Self::go_on). The stopped process keeps its connections but does
    /// nothing.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        // Until it has in fact stopped.
        waitpid(Some(self.pid()), WaitOptions::UNTRACED).expect("it is a child");
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Ends the process immediately, like `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).expect("it is a child");
    }

    /// Kills the server if it runs, and starts it again with the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + TIMEOUT;
        loop {
            self.process = spawn(&self.directory, self.port, self.faketime.as_deref(), &self.options);
            if self.is_up_before(deadline) {
                return;
            }
        }
    }

    /// Waits until the server answers and has loaded its data. Then returns `true`. Returns `false` if the process ends
    /// before that. Panics if neither happens before `deadline`.
    fn is_up_before(&mut self, deadline: Instant) -> bool {
        loop {
            if self.process.try_wait().expect("it is a child").is_some() {
                assert!(Instant::now() < deadline, "{}", self.log());
                return false;
            }
            // Make sure that this is not another server that has taken the port.
            let is_mine = self.info("process_id") == Some(self.process.id().to_string());
            if is_mine && self.info("loading").as_deref() == Some("0") {
                return true;
            }
            assert!(Instant::now() < deadline, "{}", self.log());
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    pub fn flush_all(&self) {
        self.command("FLUSHALL", &[]);
    }

    pub fn lose_record(&self, worker: u64) {
        self.command("HDEL", &[KEY, &worker.to_string()]);
    }

    /// Runs a command and ignores the answer. Panics if the command fails.
    pub fn command(&self, name: &str, args: &[&str]) {
        ::redis::cmd(name).arg(args).exec(&mut self.connection()).expect("it is done");
    }

    /// Copies the server's data for [`restore_data`](Self::restore_data).
    pub fn copy_data(&self) {
        replace(&self.directory.join("data"), &self.directory.join("copy"));
    }

    /// Kills the server, and starts the server again with the data that [`copy_data`](Self::copy_data) has copied.
    pub fn restore_data(&mut self) {
        self.kill();
        replace(&self.directory.join("copy"), &self.directory.join("data"));
        self.restart();
    }

    /// Makes this server a replica of `master`, and waits until the link between the servers is up.
    pub fn make_replica_of(&self, master: &Self) {
        self.command("REPLICAOF", &["127.0.0.1", &master.port.to_string()]);
        let deadline = Instant::now() + TIMEOUT;
        while self.info("master_link_status").as_deref() != Some("up") {
            assert!(Instant::now() < deadline, "{}", self.log());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the replica of this server has received all earlier writes. Panics if this takes 20 s.
    pub fn wait_for_replica(&self) {
        // `WAIT` counts only writes of its own connection.
        let mut connection = self.connection();
        ::redis::cmd("SET").arg("written").arg(1).exec(&mut connection).expect("it is done");
        let replicas: u64 = ::redis::cmd("WAIT").arg(1).arg(20_000).query(&mut connection).expect("it is done");
        assert_eq!(replicas, 1);
    }

    /// Turns this server from a replica into a master.
    pub fn promote(&self) {
        self.command("REPLICAOF", &["NO", "ONE"]);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // A child process of the server that writes files may outlive it for a moment.
        let deadline = Instant::now() + TIMEOUT;
        while fs::remove_dir_all(&self.directory).is_err() && self.directory.exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn spawn(directory: &Path, port: u16, faketime: Option<&Path>, options: &[String]) -> Child {
    let log = || File::options().create(true).append(true).open(directory.join("log")).expect("a file");
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(directory.join("data"))
        .arg("--unixsocket")
        .arg(directory.join("socket"))
        .args(["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--repl-diskless-sync-delay", "0"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(log())
        .stderr(log());
    if let Some(library) = faketime {
        // The C library's own `malloc` comes before jemalloc's, which asks for the time before libfaketime is ready.
        let preload = format!("{}:libc.so.6", library.display());
        command
            .env("LD_PRELOAD", preload)
            .env("FAKETIME_TIMESTAMP_FILE", directory.join("clock"))
            .env("FAKETIME_FMT", "%s")
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    command.spawn().expect("redis-server starts")
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Returns the path of libfaketime in Debian and its derivatives.
fn faketime() -> Option<PathBuf> {
    let directories = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    directories.map(|directory| directory.join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

fn new_directory() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // ORDERING: Relaxed. Each number is drawn once, and nothing else depends on it.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = env::temp_dir().join(format!("casflake-redis-{}-{number}", process::id()));
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", directory.display()),
        _ => fs::create_dir(&directory).expect("a directory"),
    }
    directory
}

/// Replaces the directory `to` with a copy of `from`.
fn replace(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            replace(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).expect("a file");
        }
    }
}

impl Server for RedisServer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn url(&self) -> String {
        Self::url(self)
    }

    fn by_proxy(&self) -> Option<(Proxy, String)> {
        let proxy = Proxy::to(self.port());
        let url = self.url_by(proxy.port());
        Some((proxy, url))
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn go_on(&self) {
        Self::go_on(self);
    }

    fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    fn wipe(&self) {
        self.flush_all();
    }

    fn lose_record(&self, worker: u64) {
        Self::lose_record(self, worker);
    }

    fn copy(&mut self) {
        self.copy_data();
    }

    fn restore(&mut self) {
        self.restore_data();
    }

    fn set_clock(&self, seconds: i64) {
        Self::set_clock(self, seconds);
    }
}
