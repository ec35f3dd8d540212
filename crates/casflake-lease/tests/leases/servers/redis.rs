//! `RedisServer` as a `RemoteServer`.

use testkit::RedisServer;

use super::StoreServer;
use super::remote::{Clock, Damage, Data, Launch, RemoteServer};

/// The key of the space `default`.
pub(crate) const KEY: &str = "casflake:default";

impl StoreServer for RedisServer {}

impl Launch for RedisServer {
    const NEEDS: &str = "redis-server and libfaketime, Debian's redis-server and faketime";

    fn launch(clock: Clock) -> Option<Self> {
        match clock {
            Clock::Real => Self::start(),
            Clock::Settable => Self::start_with_faked_clock(),
        }
    }
}

impl RemoteServer for RedisServer {
    fn urls(&self) -> Vec<String> {
        vec![self.url(), self.unix_url()]
    }

    fn disconnect(&self) {
        self.command("CLIENT", &["KILL", "TYPE", "normal"]);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn is_another_incarnation_after_a_restart(&self) -> bool {
        true
    }

    /// In a database of the same server, so that its run and its replication ID stay the same.
    fn keep(&mut self) {
        self.command("COPY", &[KEY, KEY, "DB", "15", "REPLACE"]);
    }

    fn roll_back(&mut self) {
        let mut kept = self.connection();
        redis::cmd("SELECT").arg(15).exec(&mut kept).expect("there is a database 15");
        redis::cmd("COPY").arg(&[KEY, KEY, "DB", "0", "REPLACE"]).exec(&mut kept).expect("it is copied");
    }

    fn data(&self) -> Data {
        redis::cmd("HGETALL").arg(KEY).query(&mut self.connection()).expect("a hash")
    }

    fn put_data(&self, data: &Data) {
        self.command("DEL", &[KEY]);
        for (field, text) in data {
            self.command("HSET", &[KEY, field, text]);
        }
    }

    fn damages(&self, data: &Data) -> Vec<Damage> {
        let (space, record) = (&data["space"], &data["0"]);
        let token = record.split(r#""token":""#).nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
        let elsewhere = |place, text: String| Damage {
            is_seen_by_renewals: false,
            is_seen_by_releases: false,
            ..Damage::new(place, text)
        };
        let of_space = [
            String::new(),
            "{".into(),
            "null".into(),
            space.replace(r#""floor":"#, r#""floor":-"#),
            space.replace(',', ", "),
            record.clone(),
        ];
        let of_record = [
            String::new(),
            record[..record.len() - 1].into(),
            format!("{record} "),
            record.replace(r#""counter":1"#, r#""counter":1.0"#),
            record.replace(r#""counter":1"#, r#""counter":18446744073709551616"#),
            record.replace(r#""from":"#, r#""from":9"#),
            record.replace('}', r#","more":1}"#),
        ];
        // A release reads only the worker's record.
        let of_space = of_space.map(|text| Damage { is_seen_by_releases: false, ..Damage::new("space", text) });
        let mut damages = Vec::from(of_space);
        damages.extend(of_record.map(|text| Damage::new("0", text)));
        damages.push(elsewhere("1", record.replace(token, "00")));
        damages.extend(["01", "-1", "more"].map(|field| elsewhere(field, record.clone())));
        damages
    }

    fn damage(&self, damage: &Damage) {
        self.command("HSET", &[KEY, damage.place, &damage.text]);
    }
}
