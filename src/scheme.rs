//! `Scheme`: types that name a layout, so that the compiler does not accept an ID of one scheme as an ID of another
//! scheme.

use crate::layout::{FieldOrder, Layout};

/// A type that names a [`Layout`]. Such a type is the `S` of [`Snowflake<S>`](crate::Snowflake),
/// [`WorkerId<S>`](crate::WorkerId) and [`Generator<S>`](crate::Generator).
///
/// The type is only a name. It needs no derived traits and no values.
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
/// If the widths add up to more than 64 bits, the program does not compile. Here the sum is 41 + 8 + 8 + 13 = 70:
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
/// Two more mistakes are compile errors: a generator of a layout whose IDs can't be [generated](Layout::can_generate),
/// and a fixed datacenter or worker that is too large for the layout:
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

/// The default scheme: 1 reserved + 41 timestamp + 5 datacenter + 5 worker + 12 sequence bits. Ticks of 1 ms count from
/// 2024-01-01T00:00:00Z. The last tick is in 2093. There are 1024 workers, and each can issue 4,096 IDs per
/// millisecond.
///
/// # Examples
/// ```
/// use casflake::Snowflake;
///
/// let id: Snowflake = "132633959329439743".parse()?; // `Snowflake` alone is `Snowflake<Standard>`
/// assert_eq!((id.unix_ms(), id.datacenter(), id.worker(), id.sequence()), (1_735_689_600_123, 30, 1, 4095));
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standard {}

impl Scheme for Standard {
    const LAYOUT: Layout = Layout::new(41, 5, 5, 12).with_epoch_unix_ms(1_704_067_200_000);
}

/// Twitter's (X's) scheme: the bits and the tick length of [`Standard`], with the epoch 2010-11-04T01:42:54.657Z. This
/// epoch is the `twepoch` 1288834974657 of Twitter's published
/// [`IdWorker.scala`](https://github.com/twitter-archive/snowflake/tree/snowflake-2010).
///
/// The IDs of posts from before this epoch are serial numbers and contain no time. The time decoded from such an ID is
/// wrong: it is in the first seconds after the epoch.
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

/// Discord's scheme: 42 timestamp + 5 internal worker + 5 internal process + 12 increment bits, with ticks of 1 ms and
/// the epoch 2015-01-01T00:00:00Z. Discord's [API reference](https://discord.com/developers/docs/reference#snowflakes)
/// describes the scheme. This crate calls Discord's internal worker the datacenter, and Discord's internal process the
/// worker.
///
/// The scheme uses all 64 bits. [`as_i64`](crate::Snowflake::as_i64) returns negative numbers for IDs from 2084-09-06
/// on.
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

/// Instagram's scheme: 41 timestamp + 13 shard + 10 sequence bits, with ticks of 1 ms and the epoch
/// 2011-08-24T21:07:01.721Z. "Sharding & IDs at Instagram" on Instagram's engineering blog describes the scheme. This
/// crate calls Instagram's logical shard the worker.
///
/// The scheme uses all 64 bits. [`as_i64`](crate::Snowflake::as_i64) returns negative numbers for IDs from 2046-06-27
/// on.
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

/// Sonyflake's scheme: 1 reserved + 39 timestamp + 8 sequence + 16 machine bits, with ticks of 10 ms and the epoch
/// 2014-09-01T00:00:00Z. These are the defaults of [`sonyflake.go`](https://github.com/sony/sonyflake). This crate
/// calls Sonyflake's machine the worker. The sequence is in the bits above the worker.
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

/// The scheme of Sonyflake's second version: the bits and the tick length of [`Sonyflake`], with the epoch
/// 2025-01-01T00:00:00Z. These are the defaults of
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

/// A scheme of 53 bits, so that JavaScript numbers can hold every ID exactly: 41 timestamp + 5 worker + 7 sequence
/// bits, with ticks of 1 ms and the epoch 2024-01-01T00:00:00Z. There are 32 workers, and each can issue 128 IDs per
/// millisecond. JavaScript's [`Number.MAX_SAFE_INTEGER`](https://tc39.es/ecma262/#sec-number.max_safe_integer) is
/// 2^53 - 1.
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

/// Mastodon's scheme, whose IDs this crate can decode but not generate: 48 timestamp + 16 sequence bits, with ticks of
/// 1 ms and the Unix epoch. Mastodon's
/// [`snowflake.rb`](https://github.com/mastodon/mastodon/blob/main/lib/mastodon/snowflake.rb) describes the scheme. The
/// sequence is a salted hash plus a table's counter, so the [`sequence`](crate::Snowflake::sequence) numbers of a
/// millisecond are not in the order in which the IDs were made.
///
/// The scheme uses all 64 bits, but [`as_i64`](crate::Snowflake::as_i64) returns negative numbers only for IDs from the
/// year 6429 on.
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
