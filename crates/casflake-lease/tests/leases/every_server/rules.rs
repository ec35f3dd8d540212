//! The decisions of each kind of store against those of the rules, by random sequences of requests.

use casflake::Layout;
use casflake_lease::{AcquireRequest, Grant, Lease, LeaseAdmin, LeaseStore, Renewal, StoreError, Survey, from_url};

use super::Store;
use crate::reference::decides_by_the_rules;
use crate::servers::remote::RemoteServer;
use crate::stores::CASES;

on_every_server! {
    Real:
        each_decision_is_that_of_the_rules;
}

fn each_decision_is_that_of_the_rules(server: &mut dyn RemoteServer) {
    let server = &*server;
    let mut numbers = 0..;
    decides_by_the_rules(CASES, || {
        let space = format!("case-{}", numbers.next().unwrap_or(0));
        let store = from_url(&format!("{}#{space}", server.url())).expect("a URL");
        Box::new(Forgetful { store, server })
    });
}

/// A store on a server that knows holders only by their windows, as the rules do.
struct Forgetful<'s> {
    store: Store,
    server: &'s dyn RemoteServer,
}

impl LeaseStore for Forgetful<'_> {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.server.forget_holders();
        self.store.acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        self.store.renew(renewal)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.store.release(lease, last_tick)
    }
}

impl LeaseAdmin for Forgetful<'_> {
    fn init(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError> {
        self.store.init(layout, workers)
    }

    fn init_immediately(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError> {
        self.store.init_immediately(layout, workers)
    }

    fn survey(&mut self) -> Result<Survey, StoreError> {
        self.store.survey()
    }

    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError> {
        self.store.reclaim(layout, worker)
    }
}
