//! Generators that issue by leases of a server.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use casflake_lease::LeasedGenerator;
use testkit::eventually;

use super::{Space, initialised};
use crate::servers::remote::RemoteServer;

/// A third of it passes until a renewal.
const TTL: Duration = Duration::from_secs(3);

on_every_server! {
    Shared:
        l5_a_generator_ends_its_window_after_its_last_id;
    Real:
        l1_generators_keep_their_workers_when_their_connections_are_closed;
}

fn l5_a_generator_ends_its_window_after_its_last_id(space: &Space) {
    let ids: LeasedGenerator = LeasedGenerator::builder(space.initialised(8)).ttl(TTL).build().expect("a generator");
    let mut last = ids.generate().expect("an ID");
    let stats = eventually("the lease is renewed thrice", || {
        let id = ids.generate().expect("an ID");
        assert!(id > last, "{id:?} after {last:?}");
        last = id;
        Some(ids.stats()).filter(|stats| stats.renewals >= 3)
    });
    assert!(stats.failures == 0 && stats.acquired == 1, "{stats:?}");
    ids.shutdown().expect("it is released");
    let worker = &space.open().survey().expect("a survey").workers[0];
    assert_eq!((worker.owner.as_ref(), worker.until), (None, last.parts().tick + 1));
}

fn l1_generators_keep_their_workers_when_their_connections_are_closed(server: &mut dyn RemoteServer) {
    initialised(server, 4);
    let generators = [(); 4]
        .map(|()| LeasedGenerator::builder(server.admin()).ttl(TTL).build().expect("a generator") as LeasedGenerator);
    let (mut ids, mut issued) = (BTreeSet::new(), 0);
    eventually("each lease is renewed thrice", || {
        for generator in &generators {
            ids.insert(generator.generate().expect("an ID").as_u64());
            issued += 1;
        }
        server.disconnect();
        // Long enough for a renewal on a busy machine.
        thread::sleep(Duration::from_millis(100));
        generators.iter().all(|generator| generator.stats().renewals >= 3).then_some(())
    });
    assert_eq!(ids.len(), issued);
    for generator in generators {
        assert_eq!(generator.stats().acquired, 1, "{:?}", generator.stats());
        generator.shutdown().or_else(|_| generator.shutdown()).expect("it is released");
    }
}
