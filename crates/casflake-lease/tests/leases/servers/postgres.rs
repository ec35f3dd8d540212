//! `PostgresServer` as a `RemoteServer`.

use testkit::{PostgresServer, Server};

use super::StoreServer;
use super::remote::{Clock, Damage, Data, Launch, RemoteServer};

impl StoreServer for PostgresServer {}

impl Launch for PostgresServer {
    const NEEDS: &str = "a server and libfaketime, Debian's postgresql and faketime";

    fn launch(clock: Clock) -> Option<Self> {
        match clock {
            Clock::Real => Self::start(),
            Clock::Settable => Self::start_with_faked_clock(),
        }
    }
}

impl RemoteServer for PostgresServer {
    fn urls(&self) -> Vec<String> {
        let socket = self.value("SHOW unix_socket_directories");
        vec![self.url(), format!("postgresql://postgres@/postgres?host={socket}&port={}", self.port())]
    }

    fn disconnect(&self) {
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'casflake'");
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn keep(&mut self) {
        Server::copy(self);
    }

    fn roll_back(&mut self) {
        self.restore_data();
    }

    fn data(&self) -> Data {
        let spaces = self.rows("SELECT s FROM casflake_spaces s").into_iter().map(|row| ("space".into(), row));
        let records = self.rows("SELECT l, worker FROM casflake_leases l").into_iter();
        let records = records.map(|row| (row[1].clone(), row));
        spaces.chain(records).map(|(name, row): (String, Vec<String>)| (name, row[0].clone())).collect()
    }

    fn put_data(&self, data: &Data) {
        self.sql("TRUNCATE casflake_spaces, casflake_leases");
        for (name, row) in data {
            let table = if name == "space" { "casflake_spaces" } else { "casflake_leases" };
            self.sql(&format!("INSERT INTO {table} SELECT ($${row}$$::{table}).*"));
        }
    }

    fn damages(&self, _: &Data) -> Vec<Damage> {
        let of_records = [
            "until_tick = -1",
            "until_tick = from_tick - 1",
            "from_tick = -1",
            "from_tick = NULL",
            "counter = -1",
            "worker = -1",
            "token = 'x'",
            "token = upper('0a' || substr(token, 3))",
        ];
        let of_space = ["version = -1", "workers = -1", "granted = -1", "floor = -1"];
        let records = of_records.map(|change| Damage::new("leases", change));
        // A renewal reads the floor, and otherwise only the worker's record.
        let space = of_space.map(|change| Damage {
            is_seen_by_renewals: change.starts_with("floor"),
            is_seen_by_releases: false,
            ..Damage::new("spaces", change)
        });
        records.into_iter().chain(space).collect()
    }

    fn damage(&self, damage: &Damage) {
        // An operator can do this as well.
        self.sql("ALTER TABLE casflake_leases ALTER COLUMN from_tick DROP NOT NULL");
        self.sql(&format!("UPDATE casflake_{} SET {}", damage.place, damage.text));
    }
}
