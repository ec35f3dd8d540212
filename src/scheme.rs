//! `Scheme`: types that name a layout, so that an ID of one scheme can't be used as an ID of another.

use crate::layout::{FieldOrder, Layout};

/// A type that names a [`Layout`]: the `S` of [`Snowflake<S>`](crate::Snowflake), [`WorkerId<S>`](crate::WorkerId) and
/// [`Generator<S>`](crate::Generator).
///
/// The type is only a name: it needs no derives and no values.
///
/// # Examples
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
///
/// # Examples
/// ```
/// use casflake::Snowflake;
///
/// let id: Snowflake = "132633959329439743".parse()?; // `Snowflake` alone is of `Standard`
/// assert_eq!((id.unix_ms(), id.datacenter(), id.worker(), id.sequence()), (1_735_689_600_123, 30, 1, 4095));
/// # Ok::<(), casflake::IdError>(())
/// ```
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
///
/// # Examples
/// ```
/// use casflake::{Snowflake, Twitter};
///
/// let tweet: Snowflake<Twitter> = "1541815603606036480".parse()?;
/// assert_eq!((tweet.unix_ms(), tweet.datacenter(), tweet.worker()), (1_656_432_460_105, 11, 26));
/// # Ok::<(), casflake::IdError>(())
/// ```
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
///
/// # Examples
/// ```
/// use casflake::{Discord, Snowflake};
///
/// let message: Snowflake<Discord> = "175928847299117063".parse()?;
/// assert_eq!((message.unix_ms(), message.sequence()), (1_462_015_105_796, 7));
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discord {}

impl Scheme for Discord {
    const LAYOUT: Layout = Layout::new(42, 5, 5, 12).with_epoch_unix_ms(1_420_070_400_000);
}

/// Instagram's: 41 timestamp + 13 shard + 10 sequence bits from 2011-08-24T21:07:01.721Z, as in "Sharding & IDs at
/// Instagram" on its engineering blog. The logical shard is the worker here.
///
/// All 64 bits are used: from 2046-06-27 on, [`as_i64`](crate::Snowflake::as_i64) is negative.
///
/// # Examples
/// ```
/// use casflake::{Instagram, Snowflake};
///
/// let media = Snowflake::<Instagram>::try_from(11_637_205_501_278_089_u64)?;
/// assert_eq!((media.worker(), media.sequence()), (1341, 905));
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instagram {}

impl Scheme for Instagram {
    const LAYOUT: Layout = Layout::new(41, 0, 13, 10).with_epoch_unix_ms(1_314_220_021_721);
}

/// Sonyflake's: 1 reserved + 39 timestamp + 8 sequence + 16 machine bits, ticks of 10 ms from 2014-09-01T00:00:00Z,
/// the defaults of [`sonyflake.go`](https://github.com/sony/sonyflake). The sequence is above the worker.
///
/// # Examples
/// ```
/// use casflake::{Generator, Sonyflake, WorkerId};
///
/// let ids = Generator::new(WorkerId::<Sonyflake>::from_index(40_000)?);
/// let id = ids.generate()?;
/// assert_eq!((id.worker(), id.as_u64() % 65_536), (40_000, 40_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// # Examples
/// ```
/// use casflake::{Scheme, Snowflake, Sonyflake2};
///
/// assert_eq!(Sonyflake2::LAYOUT.tick_ms(), 10);
/// assert_eq!(Snowflake::<Sonyflake2>::min_at(1_735_689_600_000), Ok(Snowflake::MIN));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sonyflake2 {}

impl Scheme for Sonyflake2 {
    const LAYOUT: Layout = Sonyflake::LAYOUT.with_epoch_unix_ms(1_735_689_600_000);
}

/// 53 bits, so that every ID is exact as a JavaScript number
/// ([`Number.MAX_SAFE_INTEGER`](https://tc39.es/ecma262/#sec-number.max_safe_integer) is 2^53 - 1): 41 timestamp + 5
/// worker + 7 sequence bits from 2024-01-01T00:00:00Z. 32 workers with 128 IDs per millisecond each.
///
/// # Examples
/// ```
/// use casflake::{Generator, JsSafe, WorkerId};
///
/// let ids = Generator::new(WorkerId::<JsSafe>::fixed_in::<0, 31>());
/// assert!(ids.generate()?.as_u64() < 1 << 53);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
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
///
/// # Examples
/// ```
/// use casflake::{Mastodon, Snowflake};
///
/// let status: Snowflake<Mastodon> = "103270115826048975".parse()?;
/// assert_eq!(status.unix_ms(), 1_575_776_913_849);
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mastodon {}

impl Scheme for Mastodon {
    const LAYOUT: Layout = Layout::new(48, 0, 0, 16);
}
