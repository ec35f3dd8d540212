//! PgBouncer as Debian ships it, in front of a PostgreSQL server.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::postgres::{PostgresServer, as_postgres, free_port, give, new_directory, wait_until};

/// The path of PgBouncer in Debian and its derivatives. The directory is not in the `PATH` of every user.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A PgBouncer that pools transactions, on a port of its own. The process ends when this value is dropped.
pub struct PgBouncer {
    directory: PathBuf,
    port: u16,
    process: Child,
}

impl PgBouncer {
    /// Starts a pooler with at most `connections` connections to the server. Returns `None` if PgBouncer is not
    /// installed.
    pub fn in_front_of(server: &PostgresServer, connections: u32) -> Option<Self> {
        Self::with_users(server, connections, "trust", "\"postgres\" \"\"\n")
    }

    /// Starts a pooler for the users in `known`. Each line of `known` has the name and the password of a user. The
    /// pooler authenticates these users by `method`. Returns `None` if PgBouncer is not installed.
    pub fn with_users(server: &PostgresServer, connections: u32, method: &str, known: &str) -> Option<Self> {
        if !fs::exists(PROGRAM).unwrap_or(false) {
            return None;
        }
        let (directory, port) = (new_directory(), free_port());
        let (settings, users, log) = (directory.join("pgbouncer.ini"), directory.join("users"), directory.join("log"));
        // Only the settings that are necessary: addresses, users and the mode.
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = {method}\nauth_file = {}\nlogfile = {}\npool_mode = transaction\n\
             default_pool_size = {connections}\n",
            server.port(),
            users.display(),
            log.display(),
        );
        fs::write(&settings, text).expect("a file is written");
        fs::write(&users, known).expect("a file is written");
        give(&settings);
        give(&users);
        // PgBouncer does not run as root.
        let mut command = as_postgres(PROGRAM);
        let command =
            command.arg("--quiet").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut pooler = Self { directory, port, process: command.spawn().expect("pgbouncer starts") };
        wait_until("the pooler answers", || {
            let ended = pooler.process.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "pgbouncer ended, {ended:?}: {}", pooler.log());
            std::net::TcpStream::connect(("127.0.0.1", pooler.port)).is_ok()
        });
        Some(pooler)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns everything that the pooler has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the pooler's log:\n{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
