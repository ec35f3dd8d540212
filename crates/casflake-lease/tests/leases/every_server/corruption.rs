//! Data that no store writes.

use casflake_lease::StoreError;

use super::{LAYOUT, acquire, granted, initialised, renew, renewed};
use crate::servers::remote::RemoteServer;

on_every_server! {
    Real:
        corrupt_data_are_refused_and_left_as_they_are;
}

fn corrupt_data_are_refused_and_left_as_they_are(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 8);
    let lease = granted(&mut store);
    let good = server.data();
    let damages = server.damages(&good);
    assert!(damages.len() > 10, "{damages:?}");
    for damage in damages {
        server.damage(&damage);
        let (before, holders) = (server.data(), server.live_holders());
        assert_ne!(before, good, "{damage:?}");
        // A new store object, and one that remembers the good data.
        for store in [&mut server.admin(), &mut store] {
            let mut outcomes = vec![
                acquire(store).map(drop),
                store.init_immediately(LAYOUT, 8),
                store.survey().map(drop),
                store.reclaim(LAYOUT, 0),
            ];
            if damage.is_seen_by_renewals {
                outcomes.push(renew(store, &lease, 0).map(drop));
            }
            if damage.is_seen_by_releases {
                outcomes.push(store.release(&lease, None));
            }
            for (call, outcome) in outcomes.into_iter().enumerate() {
                let Err(error @ StoreError::Corrupt { place, why }) = &outcome else {
                    panic!("{damage:?}, call {call}: {outcome:?}")
                };
                assert!(place.contains(damage.place) && !why.is_empty(), "{damage:?}: {outcome:?}");
                assert!(!error.is_retryable(), "{outcome:?}");
            }
        }
        assert_eq!((server.data(), server.live_holders()), (before, holders), "{damage:?}");
        server.put_data(&good);
        assert_eq!(server.data(), good, "{damage:?}");
    }
    renewed(&mut store, &lease);
}
