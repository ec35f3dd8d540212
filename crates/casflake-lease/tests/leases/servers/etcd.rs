//! `EtcdServer` as a `RemoteServer`.

use std::time::Duration;

use testkit::{EtcdServer, Server as _};

use super::StoreServer;
use super::remote::{Clock, Damage, Data, Launch, RemoteServer};

/// The key of the space `default`.
pub(crate) const SPACE: &str = "/casflake/default/space";
/// The key of its record of worker 0.
pub(crate) const RECORD: &str = "/casflake/default/workers/0";

impl StoreServer for EtcdServer {}

impl Launch for EtcdServer {
    const NEEDS: &str = "etcd and etcdctl";

    fn launch(_: Clock) -> Option<Self> {
        Self::start()
    }
}

impl RemoteServer for EtcdServer {
    fn urls(&self) -> Vec<String> {
        vec![self.url(), format!("etcd://{}", self.direct())]
    }

    fn disconnect(&self) {
        self.proxy().disconnect();
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn keep(&mut self) {
        self.copy_files();
    }

    fn roll_back(&mut self) {
        self.restore_files();
    }

    fn clock_step(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn forget_holders(&self) {
        self.leases().iter().for_each(|lease| self.revoke(lease));
    }

    fn live_holders(&self) -> Option<usize> {
        Some(self.leases().len())
    }

    /// Returns the space and the record of worker 0. The etcd lease of a holder does not belong to the data.
    fn data(&self) -> Data {
        [SPACE, RECORD].into_iter().filter_map(|key| Some((key.to_owned(), self.get(key)?))).collect()
    }

    fn put_data(&self, data: &Data) {
        data.iter().for_each(|(key, text)| self.put(key, text));
    }

    fn damages(&self, data: &Data) -> Vec<Damage> {
        let of_key = |key: &'static str| {
            let whole = &data[key];
            let texts = ["", "{}", "null", "hello", &whole.replace(',', ", "), &whole[..whole.len() - 1]];
            texts.map(|text| Damage::new(key, text))
        };
        [RECORD, SPACE].into_iter().flat_map(of_key).collect()
    }

    fn damage(&self, damage: &Damage) {
        self.put(damage.place, &damage.text);
    }
}
