//! Access to a PostgreSQL server: its certificate, and the rules of `pg_hba.conf`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{PostgresServer, give, wait_until};
use crate::certificates::{Authority, Signed};

/// The rule of `pg_hba.conf` that admits the user `postgres` from this host without a password. The test itself
/// connects as this user.
const TESTS: &str = "host all postgres 127.0.0.1/32 trust\n";

impl PostgresServer {
    /// Turns on TLS. The server presents the certificate `signed` to its clients. A client may present a certificate
    /// that the authority `clients` has signed.
    pub fn secure(&self, signed: &Signed, clients: &Authority) {
        let [certificate, key] = signed.write(&self.directory, "server");
        let authority = self.directory.join("clients.crt");
        fs::write(&authority, clients.certificate()).expect("a file is written");
        for path in [&certificate, &key, &authority] {
            // The server refuses a key that other users can read.
            fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
            give(path);
        }
        self.reload(|| {
            for (name, path) in [("cert", &certificate), ("key", &key), ("ca", &authority)] {
                self.sql(&format!("ALTER SYSTEM SET ssl_{name}_file = '{}'", path.display()));
            }
            self.sql("ALTER SYSTEM SET ssl = on");
        });
    }

    /// Replaces the rules of `pg_hba.conf` with `lines` and one more rule. The additional rule admits the user
    /// `postgres` from this host, so that the test itself can connect.
    pub fn admit(&self, lines: &str) {
        self.reload(|| fs::write(self.value("SHOW hba_file"), format!("{lines}\n{TESTS}")).expect("a file is written"));
    }

    /// Calls `change`, which changes the server's configuration. Then tells the server to reload the configuration, and
    /// waits until new connections use the change.
    fn reload(&self, change: impl FnOnce()) {
        let loaded = "SELECT pg_conf_load_time()";
        let before = self.value(loaded);
        change();
        self.sql("SELECT pg_reload_conf()");
        wait_until("the configuration is read again", || self.value(loaded) != before);
    }
}
