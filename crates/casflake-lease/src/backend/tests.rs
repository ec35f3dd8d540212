//! The contents of a store, and the defaults of a backend.

use std::collections::{BTreeMap, BTreeSet};

use casflake::{Scheme, Standard};

use super::{Backend, Contents};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::memory::Memory;
use crate::protocol::{Change, Record, Space};
use crate::store::{LeaseAdmin, LeaseStore};
use crate::terms::{MAX_WORKERS, Terms};
use crate::token::Token;

fn record(until: u64) -> Record {
    Record { from: 1, until, counter: 3, token: Some(Token::numbered(4)), owner: String::new() }
}

fn contents() -> Contents {
    let (layout, incarnation) = (String::from("l"), String::from("i"));
    let space = Space { version: 1, layout, workers: 2, granted: 2, floor: 0, incarnation: incarnation.clone() };
    Contents {
        unix_ns: 1_800_000_000_000_000_000,
        incarnation,
        place: String::new(),
        is_from_elsewhere: false,
        space: Some(space),
        records: BTreeMap::from([(0, record(10)), (1, record(20))]),
        live: BTreeSet::new(),
    }
}

#[test]
fn a_change_is_made_only_if_the_space_and_its_records_are_as_seen() {
    let change = Change { space: None, records: [(0, record(30)), (2, record(30))].into() };
    let is_as_seen = |change_it: &dyn Fn(&mut Contents)| {
        let mut now = contents();
        change_it(&mut now);
        now.is_as_seen(&contents(), &change)
    };
    assert!(is_as_seen(&|_| {}));
    assert!(is_as_seen(&|now| now.unix_ns += 1));
    assert!(is_as_seen(&|now| drop(now.records.insert(1, record(21)))), "the change does not replace it");
    assert!(!is_as_seen(&|now| drop(now.records.insert(0, record(11)))));
    assert!(!is_as_seen(&|now| drop(now.records.remove(&0))));
    assert!(!is_as_seen(&|now| drop(now.records.insert(2, record(10)))));
    assert!(!is_as_seen(&|now| now.space.as_mut().unwrap().floor += 1));
    assert!(!is_as_seen(&|now| now.space = None));
    assert!(!is_as_seen(&|now| now.incarnation.push('2')));
}

/// `Memory` has only the methods that every backend must have.
#[test]
fn a_backend_with_three_methods_has_one_space_without_a_name_and_says_no_more() {
    let mut store = BackendStore::on(Memory::new());
    assert_eq!(store.backend().space_name(), "");
    assert_eq!(store.others().unwrap(), Vec::<String>::new());
    assert_eq!(store.notes(), Vec::<String>::new());
}

#[test]
fn a_space_with_more_than_max_workers_is_corrupt() {
    let view = |workers, granted| {
        let mut contents = contents();
        let space = contents.space.as_mut().unwrap();
        (space.workers, space.granted) = (workers, granted);
        contents.view(&Terms::of(&Standard::LAYOUT))
    };
    assert!(view(MAX_WORKERS, MAX_WORKERS).is_ok());
    for (workers, granted) in [(MAX_WORKERS + 1, 0), (1, MAX_WORKERS + 1), (u64::MAX, u64::MAX)] {
        assert!(matches!(view(workers, granted), Err(StoreError::Corrupt { .. })));
    }
}
