//! Unique, time-ordered 64-bit Snowflake IDs for any number of threads. Each generator has one atomic word, which calls
//! advance by compare-and-swap.
//!
//! ```
//! use casflake::{Generator, Snowflake, WorkerId};
//!
//! static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>()); // datacenter 1, worker 7
//!
//! let id: Snowflake = IDS.generate()?;
//! println!("{id} {:?} {}", id.parts(), IDS.stats().max_sequence);
//! # Ok::<(), casflake::GenerateError>(())
//! ```
//!
//! Start with [`Generator`]. The documentation of `Generator` says what a generator promises and how it works. A
//! [`WorkerId`] identifies a generator among all generators of an ID space. A [`Snowflake`] is an ID. A [`Scheme`]
//! names the layout of IDs: one of the crate's presets, or a layout of your own. A [`LocalGenerator`] is a handle for
//! one thread that needs very many IDs. A `Topology` holds one generator for each worker of several datacenters. Code
//! that is to work with any kind of generator takes an [`IdGenerator`]. Tests use a [`ManualClock`]. The
//! [guide](https://docs.rs/casflake/latest/casflake/_guide/) has recipes.
//!
//! If several processes share an ID space, they can lease their workers with the crate
//! [`casflake-lease`](https://docs.rs/casflake-lease).
//!
//! # What it does not promise
//! * Two generators with the same [`WorkerId`] can issue the same ID, unless the worker is leased. This can happen if
//!   both generators run at the same time. It can also happen if a new generator replaces an old one before the clock
//!   has passed the tick of the old generator's last ID. This tick can be ahead of the clock if
//!   [`max_lead`](GeneratorBuilder::max_lead) is set, or if the clock has moved back. Give each generator its own
//!   worker. If a new generator has to replace an old one, [`close`](Generator::close) the old generator first. `close`
//!   returns the tick of the last ID. Set the [`not_before`](GeneratorBuilder::not_before) of the new generator to this
//!   tick plus 1.
//! * After a `fork` without `exec`, both processes have a generator with the same worker, and can issue the same ID.
//!   The same happens if a virtual machine is cloned or restored.
//! * If the clock of one worker is 5 ms behind the clock of another worker, an ID of the first worker may be smaller
//!   than an ID that the other worker issued up to about 5 ms earlier.
//! * IDs are not secret. Each ID shows its time and its worker, and the next ID can be guessed.
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | the implementation of [`Clock`] for [`SystemClock`], `WorkerId::from_env`, and waits that yield or sleep ([`Wait`]); implies `alloc` |
//! | `alloc` | | `Generator::generate_batch`, `Topology`, parsing a [`WorkerId`] |
//! | `coarse-clock` | | `CoarseClock`, which is cheaper than `SystemClock` and lags by a few milliseconds on Linux |
//! | `tsc-clock` | | `TscClock`, which is cheaper than `SystemClock` and precise |
//! | `serde` | | `Serialize` and `Deserialize` for [`Snowflake`] |
//! | `hostname` | | `WorkerId::from_hostname` |
//!
//! Without the feature `std` the crate is `no_std`. You then need a target with 64-bit atomics, and have to implement a
//! [`Clock`].

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(not(target_has_atomic = "64"))]
compile_error!("casflake keeps its state in one AtomicU64, which this target does not have");

mod backoff;
#[cfg(feature = "alloc")]
mod batch;
mod builder;
mod clock;
mod error;
mod generator;
mod id;
mod id_generator;
mod layout;
mod local;
mod scheme;
#[cfg(feature = "serde")]
pub mod serde_as;
mod settings;
mod stats;
mod sync;
#[cfg(feature = "alloc")]
mod topology;
mod wait;
mod word;
mod worker;

#[cfg(feature = "alloc")]
pub use batch::{Batch, BatchError, MAX_BATCH};
pub use builder::GeneratorBuilder;
#[cfg(feature = "coarse-clock")]
pub use clock::CoarseClock;
#[cfg(feature = "tsc-clock")]
pub use clock::TscClock;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{FillError, GenerateError, IdError, LayoutError, SettingError, WorkerIdError};
#[cfg(feature = "alloc")]
pub use error::{TopologyError, WorkerTextError};
pub use generator::Generator;
pub use id::Snowflake;
pub use id_generator::IdGenerator;
pub use layout::{FieldOrder, Layout, Parts};
pub use local::LocalGenerator;
pub use scheme::{Discord, Instagram, JsSafe, Mastodon, Scheme, Sonyflake, Sonyflake2, Standard, Twitter};
pub use settings::Wait;
pub use stats::{Histogram, Stats};
#[cfg(feature = "alloc")]
pub use topology::{Datacenter, MAX_GENERATORS, Topology};
pub use worker::WorkerId;

// This module exists only in the documentation and in the documentation's tests. Each example of the guide is a test.
#[cfg(all(feature = "std", any(doc, doctest)))]
#[doc = include_str!("guide.md")]
pub mod _guide {}
