//! `Scheme`: types that name a layout, so that an ID of one scheme can't be used as an ID of another.

use crate::layout::{FieldOrder, Layout};

/// A type that names a [`Layout`]: the `S` of [`Snowflake<S>`](crate::Snowflake), [`WorkerId<S>`](crate::WorkerId) and
/// [`Generator<S>`](crate::Generator).
///
/// The type is only a name: it needs no derives and no values.
///
/// ```
/// use casflake::{Generator, Layout, Scheme, WorkerId};
///
/// struct Orders;
/// impl Scheme for Orders {
///     const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
/// }
/// static ORDERS: Generator<Orders> = Generator::new(WorkerId::<Orders>::fixed_in::<0, 3>());
/// assert_eq!(ORDERS.generate()?.worker(), 3);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
///
/// Widths that don't fit are a compile error, here 41 + 8 + 8 + 13 = 70 bits:
///
/// ```compile_fail
/// use casflake::{Generator, Layout, Scheme, WorkerId};
///
/// struct Orders;
/// impl Scheme for Orders {
///     const LAYOUT: Layout = Layout::new(41, 8, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
/// }
/// static ORDERS: Generator<Orders> = Generator::new(WorkerId::<Orders>::fixed_in::<0, 3>());
/// ```
///
/// So are a generator of a layout that only decodes, and a fixed worker that is too large:
///
/// ```compile_fail
/// use casflake::{Generator, Mastodon, WorkerId};
///
/// static IDS: Generator<Mastodon> = Generator::new(WorkerId::<Mastodon>::fixed_in::<0, 0>());
/// ```
///
/// ```compile_fail
/// use casflake::{Generator, WorkerId};
///
/// static IDS: Generator = Generator::new(WorkerId::fixed::<32, 7>());
/// ```
pub trait Scheme {
    /// The layout that this type names.
    const LAYOUT: Layout;
}

/// The default: 1 reserved + 41 timestamp + 5 datacenter + 5 worker + 12 sequence bits, ticks of 1 ms from
/// 2024-01-01T00:00:00Z until 2093. 1024 workers with 4,096 IDs per millisecond each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standard {}

impl Scheme for Standard {
    const LAYOUT: Layout = Layout::new(41, 5, 5, 12).with_epoch_unix_ms(1_704_067_200_000);
}

/// Twitter's (X's): the bits of [`Standard`] from 2010-11-04T01:42:54.657Z, the `twepoch` 1288834974657 of Twitter's
/// published [`IdWorker.scala`](https://github.com/twitter-archive/snowflake/tree/snowflake-2010).
///
/// IDs of posts from before that day count the posts and carry no time: they decode to the first seconds after the
/// epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Twitter {}

impl Scheme for Twitter {
    const LAYOUT: Layout = Layout::new(41, 5, 5, 12).with_epoch_unix_ms(1_288_834_974_657);
}

/// Discord's: 42 timestamp + 5 internal worker + 5 internal process + 12 increment bits from 2015-01-01T00:00:00Z, as
/// its [API reference](https://discord.com/developers/docs/reference#snowflakes) says. The internal worker is the
/// datacenter here, and the internal process is the worker.
///
/// All 64 bits are used: from 2084-09-06 on, [`as_i64`](crate::Snowflake::as_i64) is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discord {}

impl Scheme for Discord {
    const LAYOUT: Layout = Layout::new(42, 5, 5, 12).with_epoch_unix_ms(1_420_070_400_000);
}

/// Instagram's: 41 timestamp + 13 shard + 10 sequence bits from 2011-08-24T21:07:01.721Z, as in "Sharding & IDs at
/// Instagram" on its engineering blog. The logical shard is the worker here.
///
/// All 64 bits are used: from 2046-06-27 on, [`as_i64`](crate::Snowflake::as_i64) is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instagram {}

impl Scheme for Instagram {
    const LAYOUT: Layout = Layout::new(41, 0, 13, 10).with_epoch_unix_ms(1_314_220_021_721);
}

/// Sonyflake's: 1 reserved + 39 timestamp + 8 sequence + 16 machine bits, ticks of 10 ms from 2014-09-01T00:00:00Z,
/// the defaults of [`sonyflake.go`](https://github.com/sony/sonyflake). The sequence is above the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sonyflake {}

impl Scheme for Sonyflake {
    const LAYOUT: Layout = Layout::new(39, 0, 16, 8)
        .with_epoch_unix_ms(1_409_529_600_000)
        .with_tick_ms(10)
        .with_order(FieldOrder::WorkerLast);
}

/// Sonyflake's second version: the bits of [`Sonyflake`] from 2025-01-01T00:00:00Z, the defaults of
/// [`v2/sonyflake.go`](https://github.com/sony/sonyflake/blob/master/v2/sonyflake.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sonyflake2 {}

impl Scheme for Sonyflake2 {
    const LAYOUT: Layout = Sonyflake::LAYOUT.with_epoch_unix_ms(1_735_689_600_000);
}

/// 53 bits, so that every ID is exact as a JavaScript number
/// ([`Number.MAX_SAFE_INTEGER`](https://tc39.es/ecma262/#sec-number.max_safe_integer) is 2^53 - 1): 41 timestamp + 5
/// worker + 7 sequence bits from 2024-01-01T00:00:00Z. 32 workers with 128 IDs per millisecond each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsSafe {}

impl Scheme for JsSafe {
    const LAYOUT: Layout = Layout::new(41, 0, 5, 7).with_epoch_unix_ms(1_704_067_200_000);
}

/// Mastodon's, only to decode: 48 timestamp + 16 sequence bits from the Unix epoch, as its
/// [`snowflake.rb`](https://github.com/mastodon/mastodon/blob/main/lib/mastodon/snowflake.rb) says. Its sequence is a
/// salted hash plus a table's counter, so [`sequence`](crate::Snowflake::sequence) does not order IDs.
///
/// All 64 bits are used, but [`as_i64`](crate::Snowflake::as_i64) turns negative only in the year 6429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mastodon {}

impl Scheme for Mastodon {
    const LAYOUT: Layout = Layout::new(48, 0, 0, 16);
}
