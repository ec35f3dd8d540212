//! Worker leases for processes that share one ID space. No two of these processes have the same worker in the same
//! tick.
//!
//! A [`Lease`] is a grant of one worker for a window of ticks. It is kept in a store ([`LeaseStore`]), which never
//! grants overlapping windows of one worker. A [`LeasedGenerator`] issues IDs only in ticks within its window. So no
//! two processes issue the same ID, under one condition: the store keeps all data that it has acknowledged, or this
//! crate notices the loss of such data. The documentation of each store says which losses this crate notices. The
//! promise holds whatever the clocks of the processes say, and however the processes are paused, killed, restarted or
//! cut off. Such faults cost time, never a duplicate ID. [`LeaseStore`] lists the invariants. The
//! [guide](https://docs.rs/casflake-lease/latest/casflake_lease/_guide/) describes the first start, Kubernetes, and the
//! cost of each fault.
//!
//! | store | processes that can share it |
//! |---|---|
//! | [`FileStore`] | processes of one host |
//! | `PostgresStore` | processes that reach a PostgreSQL database; feature `postgres` |
//! | `RedisStore` | processes that reach a Redis server; feature `redis` |
//! | `EtcdStore` | processes that reach an etcd cluster; feature `etcd` |
//!
//! # How an ID space is created
//! An operator creates the ID space once, with `casflake leases URL init` or [`LeaseAdmin::init`]. The new space grants
//! no leases for its first 150 s ([`MAX_TTL`] + [`CLOCK_SLACK`]). If the operator vouches that no lease is in use, with
//! `init --immediately` or [`LeaseAdmin::init_immediately`], the space grants leases immediately. **A program must not
//! call `init_immediately` when it starts.** If the space was lost, and another process still holds a lease of the lost
//! space, that process and the program can issue the same IDs. A program may call `init_immediately` only if the data
//! of its store end with the program, for example in memory or in a test's directory.
//!
//! If a process asks for its first lease, and the space does not exist, the process gets the error
//! [`StoreError::NoSpace`]. The process writes nothing, because a misspelt name must not become a second space. With
//! [`create_if_missing`](LeasedGeneratorBuilder::create_if_missing), the process may create the space instead. If a
//! space is lost, any process that was ever granted a lease of the space creates the space again, in the same place and
//! with the same number of workers. The new space grants leases 150 s later. Each process that was granted a lease
//! calls the store after each third of its TTL, so a lost space is created again within 40 s.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod alphabet;
mod backend;
mod backend_store;
mod causes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod convert;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod file;
mod from_url;
#[allow(unreachable_pub, reason = "public for the models and the simulator alone")]
#[cfg_attr(
    feature = "_simulation",
    allow(missing_docs, missing_debug_implementations, clippy::missing_errors_doc, clippy::must_use_candidate)
)]
mod generator;
mod lease;
#[cfg(test)]
mod memory;
mod monotonic;
mod panics;
#[cfg(feature = "postgres")]
mod postgres;
#[allow(clippy::must_use_candidate, clippy::missing_errors_doc, reason = "public for the explorer alone")]
#[cfg_attr(not(feature = "_protocol"), allow(unreachable_pub, reason = "public for the explorer alone"))]
mod protocol;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod renewal_json;
mod request;
mod store;
mod survey;
mod sync;
mod terms;
#[cfg(feature = "_server")]
#[cfg_attr(
    not(all(feature = "etcd", feature = "postgres", feature = "redis")),
    allow(dead_code, unused_imports, reason = "each store needs some of it")
)]
mod tls;
mod token;
mod url;

pub use backend::{Backend, Contents, Renewed};
pub use backend_store::BackendStore;
pub use error::{LostReason, StoreError};
#[cfg(feature = "etcd")]
pub use etcd::{EtcdBackend, EtcdStore};
pub use file::{FileBackend, FileStore};
pub use from_url::from_url;
pub use generator::{LeaseEvent, LeaseStats, LeasedGenerator, LeasedGeneratorBuilder, StoreClock};
pub use lease::Lease;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresBackend, PostgresStore};
pub use protocol::{Change, Record, Space};
pub use request::{AcquireRequest, Grant, Missing, Renewal};
pub use store::{LeaseAdmin, LeaseStore};
pub use survey::{Survey, SurveyedSpace, SurveyedWorker};
pub use terms::{CLOCK_SLACK, MAX_LEAD, MAX_TTL, MAX_WORKERS, Terms};
pub use token::{Token, TokenError};

#[cfg(feature = "redis")]
pub use self::redis::{RedisBackend, RedisStore};

/// The rules of leases as pure functions. Only the package `lease-explorer` uses this module. It is not a part of the
/// API.
#[cfg(feature = "_protocol")]
#[doc(hidden)]
pub mod _protocol {
    pub use crate::backend::Contents;
    pub use crate::protocol::*;
    pub use crate::terms::Terms;
}

/// The client of leases: what the keeper and the calls decide, and the state that they share. Only the packages
/// `lease-simulator`, `lease-explorer` and `loom-tests` use this module. It is not a part of the API.
#[cfg(feature = "_simulation")]
#[doc(hidden)]
pub mod _simulation {
    pub use crate::generator::call::{Call, Turn, after_the_end};
    pub use crate::generator::events::Events;
    pub use crate::generator::host::{Host, Imagined};
    pub use crate::generator::keeper::{Effect, Event, Held, Keeper, Next, Now, Rest, Step, Unpublished};
    pub use crate::generator::process::{Parts, Plan, Process};
    pub use crate::generator::progress::{Filled, Taken};
    pub use crate::generator::retry::Asked;
    pub use crate::generator::shared::Shared;
    pub use crate::generator::signal::{Call as Called, Signal};
    pub use crate::generator::start::{Start, StartEvent, StartNext, StartStep};
    pub use crate::generator::store_clock::on as store_clock_on;
    pub use crate::generator::switch::Switch;
    pub use crate::generator::watch::{Watch, Watched};
    pub use crate::token::imagine_tokens;
}

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// This module exists only in the documentation and in doctests. Each example of the guide is a doctest.
#[cfg(any(doc, doctest))]
#[doc = include_str!("guide.md")]
pub mod _guide {}
