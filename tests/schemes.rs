//! Each preset against IDs that its service has published, or against the arithmetic of its own source. Then the traits
//! that every type has, whatever the scheme.

#![cfg(feature = "std")]

use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::hash::Hash;

use casflake::{
    Batch, BatchError, Clock, Datacenter, Discord, FieldOrder, FillError, GenerateError, Generator, GeneratorBuilder,
    Histogram, IdError, Instagram, JsSafe, Layout, LayoutError, ManualClock, Mastodon, Parts, Scheme, SettingError,
    Snowflake, Sonyflake, Sonyflake2, Standard, Stats, SystemClock, Topology, TopologyError, Twitter, Wait, WorkerId,
    WorkerIdError, WorkerTextError,
};

fn id<S: Scheme>(number: u64) -> Snowflake<S> {
    Snowflake::try_from(number).expect("an ID of the scheme")
}

fn parts(tick: u64, datacenter: u64, worker: u64, sequence: u64) -> Parts {
    Parts { tick, datacenter, worker, sequence }
}

/// Wikipedia, "Snowflake ID": a tweet by @Wikipedia of June 2022, machine ID 378 = 11 × 32 + 26.
#[test]
fn twitter_reads_the_tweet_that_wikipedia_takes_apart() {
    let tweet = id::<Twitter>(1_541_815_603_606_036_480);
    assert_eq!(tweet.parts(), parts(367_597_485_448, 11, 26, 0));
    assert_eq!(tweet.unix_ms(), 1_656_432_460_105);
    assert_eq!(WorkerId::<Twitter>::new_in(11, 26).map(WorkerId::index), Ok(378));
}

/// Discord's API reference, "Snowflakes": 2016-04-30 11:18:25.796 UTC.
#[test]
fn discord_reads_the_id_of_its_api_reference() {
    let snowflake = id::<Discord>(175_928_847_299_117_063);
    assert_eq!(snowflake.parts(), parts(41_944_705_796, 1, 0, 7));
    assert_eq!(snowflake.unix_ms(), 1_462_015_105_796);
    // The reference's own recipes.
    let number = snowflake.as_u64();
    assert_eq!((number >> 22) + 1_420_070_400_000, snowflake.unix_ms());
    assert_eq!((number & 0x3E_0000) >> 17, snowflake.datacenter());
    assert_eq!((number & 0x1_F000) >> 12, snowflake.worker());
    assert_eq!(number & 0xFFF, snowflake.sequence());
}

/// "Sharding & IDs at Instagram": 1387263000 ms after its epoch, user 31341 on shard 1341, sequence 5001.
#[test]
fn instagram_reads_the_example_of_its_engineering_blog() {
    let media = id::<Instagram>(1_387_263_000 << 23 | 1_341 << 10 | (5_001 % 1_024));
    assert_eq!(media.parts(), parts(1_387_263_000, 0, 1_341, 905));
    assert_eq!(media.unix_ms(), 1_314_220_021_721 + 1_387_263_000);
}

/// The shifts and masks of `Decompose` in sonyflake.go.
#[test]
fn sonyflake_agrees_with_the_decompose_of_its_source() {
    let decompose = |id: u64| (id >> 24, id >> 16 & 0xFF, id & 0xFFFF);
    for (time, sequence, machine) in [(0, 0, 0), (1, 2, 3), (12_345_678_901, 255, 65_535), ((1 << 39) - 1, 0, 256)] {
        let number = time << 24 | sequence << 16 | machine;
        assert_eq!(decompose(number), (time, sequence, machine));
        let snowflake = id::<Sonyflake>(number);
        assert_eq!(snowflake.parts(), parts(time, 0, machine, sequence));
        assert_eq!(snowflake.unix_ms(), 1_409_529_600_000 + 10 * time, "10 ms from 2014-09-01T00:00:00Z");
    }
    assert_eq!(Sonyflake::LAYOUT.order(), FieldOrder::WorkerLast);
    assert_eq!(Snowflake::<Sonyflake>::MAX.as_u64(), (1 << 63) - 1);
}

/// `toID` of v2/sonyflake.go. Its start time is 2025-01-01T00:00:00Z unless set.
#[test]
fn sonyflake2_reads_the_bits_of_sonyflake_from_2025_on() {
    let (elapsed, sequence, machine) = (6_311_520_000, 254, 0xC0A8);
    let snowflake = id::<Sonyflake2>(elapsed << (8 + 16) | sequence << 16 | machine);
    assert_eq!(snowflake.parts(), parts(elapsed, 0, machine, sequence));
    assert_eq!(snowflake.unix_ms(), 1_735_689_600_000 + 10 * elapsed, "two years of 365.25 days");
    assert_eq!(<Snowflake<Sonyflake2>>::min_at(1_735_689_600_000), Ok(Snowflake::MIN));
}

/// docs.joinmastodon.org, the example of the entity Status: `created_at` is 2019-12-08T03:48:33.901Z, 52 ms after the
/// time in the ID, because the row's column is set apart from its ID.
#[test]
fn mastodon_reads_the_status_of_its_documentation() {
    let status = id::<Mastodon>(103_270_115_826_048_975);
    assert_eq!(status.parts(), parts(1_575_776_913_849, 0, 0, 40_911));
    assert_eq!(status.unix_ms(), 1_575_776_913_901 - 52);
    assert!(!Mastodon::LAYOUT.can_generate());
}

#[test]
fn every_js_safe_id_is_exact_as_a_javascript_number() {
    assert_eq!(Snowflake::<JsSafe>::MAX.as_u64(), 9_007_199_254_740_991);
    assert_eq!(Snowflake::<JsSafe>::MAX.parts(), parts((1 << 41) - 1, 0, 31, 127));
    assert_eq!(
        Snowflake::<JsSafe>::try_from(9_007_199_254_740_992_u64),
        Err(IdError::ReservedBits { id: 9_007_199_254_740_992, bits: 53 })
    );
}

/// The classic arithmetic: 41, 5, 5 and 12 bits from 2024-01-01T00:00:00Z.
#[test]
fn standard_agrees_with_the_classic_arithmetic() {
    let (tick, datacenter, worker, sequence) = (31_622_400_123, 30, 1, 4_095);
    let number = tick << 22 | datacenter << 17 | worker << 12 | sequence;
    let snowflake = id::<Standard>(number);
    assert_eq!(snowflake.parts(), parts(tick, datacenter, worker, sequence));
    assert_eq!(snowflake.unix_ms(), 1_704_067_200_000 + tick);
    assert_eq!(Snowflake::<Standard>::MAX.as_i64(), i64::MAX);
    assert_eq!(Standard::LAYOUT.unix_ms_of((1 << 41) - 1), Some(1_704_067_200_000 + (1 << 41) - 1));
    assert_eq!(Standard::LAYOUT.unix_ms_of(1 << 41), None);
}

#[test]
fn the_widths_and_epochs_of_the_presets_are_those_of_their_services() {
    let widths = |layout: Layout| {
        let bits = [layout.timestamp_bits(), layout.datacenter_bits(), layout.worker_bits(), layout.sequence_bits()];
        (bits, layout.epoch_unix_ms(), layout.tick_ms())
    };
    assert_eq!(widths(Standard::LAYOUT), ([41, 5, 5, 12], 1_704_067_200_000, 1));
    assert_eq!(widths(Twitter::LAYOUT), ([41, 5, 5, 12], 1_288_834_974_657, 1));
    assert_eq!(widths(Discord::LAYOUT), ([42, 5, 5, 12], 1_420_070_400_000, 1));
    assert_eq!(widths(Instagram::LAYOUT), ([41, 0, 13, 10], 1_314_220_021_721, 1));
    assert_eq!(widths(Sonyflake::LAYOUT), ([39, 0, 16, 8], 1_409_529_600_000, 10));
    assert_eq!(widths(Sonyflake2::LAYOUT), ([39, 0, 16, 8], 1_735_689_600_000, 10));
    assert_eq!(widths(JsSafe::LAYOUT), ([41, 0, 5, 7], 1_704_067_200_000, 1));
    assert_eq!(widths(Mastodon::LAYOUT), ([48, 0, 0, 16], 0, 1));
}

/// On a clock that stands still, so that the numbers are exact.
fn a_preset_generates_what_it_reads<S: Scheme>() {
    let now_ms = S::LAYOUT.epoch_unix_ms() + 5_000;
    let worker = WorkerId::<S>::new_in(S::LAYOUT.max_datacenter(), S::LAYOUT.max_worker()).expect("a worker");
    let generator = Generator::with_clock(worker, ManualClock::new(now_ms));
    for sequence in 0..3 {
        let id = generator.generate().expect("an ID");
        let tick = 5_000 / S::LAYOUT.tick_ms();
        assert_eq!(id.parts(), parts(tick, worker.datacenter(), worker.worker(), sequence));
        assert_eq!(id.unix_ms(), now_ms);
        assert!(Snowflake::min_at(now_ms).expect("a time") <= id && id <= Snowflake::max_at(now_ms).expect("a time"));
    }
}

#[test]
fn every_preset_but_mastodon_generates_what_it_reads() {
    a_preset_generates_what_it_reads::<Standard>();
    a_preset_generates_what_it_reads::<Twitter>();
    a_preset_generates_what_it_reads::<Discord>();
    a_preset_generates_what_it_reads::<Instagram>();
    a_preset_generates_what_it_reads::<Sonyflake>();
    a_preset_generates_what_it_reads::<Sonyflake2>();
    a_preset_generates_what_it_reads::<JsSafe>();
}

/// These lines must compile as written, with all types inferred.
#[test]
fn typical_lines_compile_as_written() -> Result<(), Box<dyn std::error::Error>> {
    static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());

    let id: Snowflake = IDS.generate()?;
    let first = id;
    let id = IDS.try_generate()?;
    assert!(id > first);
    let batch = IDS.generate_batch(10)?;
    assert!(batch.len() == 10 && batch.max_sequence() >= 9);
    let mut buffer = [Snowflake::MIN; 16];
    IDS.fill(&mut buffer)?;
    println!("{id} {:?} {}", id.parts(), IDS.stats().max_sequence);

    struct Orders;
    impl Scheme for Orders {
        const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
    }
    static ORDERS: Generator<Orders> = Generator::new(WorkerId::<Orders>::fixed_in::<0, 3>());
    assert_eq!(ORDERS.generate()?.worker(), 3);

    let (datacenter, worker) = (1, 7);
    assert_eq!(WorkerId::new(datacenter, worker)?, IDS.worker());
    Ok(())
}

/// A scheme that derives nothing, as a user's may. It is neither `Send` nor `Sync`, because it is only a name.
struct Bare(#[expect(dead_code, reason = "it is there to be neither Send nor Sync")] *const u8);

impl Scheme for Bare {
    const LAYOUT: Layout = Layout::new(40, 2, 2, 10).with_epoch_unix_ms(1_735_689_600_000);
}

fn is_sync<T: Send + Sync + 'static>() {}
fn value<T: Copy + Ord + Hash + Debug + Send + Sync + Unpin + 'static>() {}
fn error<T: std::error::Error + Clone + PartialEq + Send + Sync + 'static>() {}

#[test]
fn types_of_a_bare_scheme_have_the_traits_of_their_numbers() {
    value::<Snowflake<Bare>>();
    value::<WorkerId<Bare>>();
    is_sync::<Generator<Bare>>();
    is_sync::<Generator<Bare, ManualClock>>();
    is_sync::<GeneratorBuilder<Bare>>();
    is_sync::<Topology<Bare>>();
    is_sync::<Datacenter<Bare>>();
    is_sync::<Batch<Bare>>();
    is_sync::<BatchError<Bare>>();
    is_sync::<(Layout, Parts, Stats, Histogram, Wait, SystemClock, ManualClock)>();
    fn source<T: std::error::Error>() {}
    source::<BatchError<Bare>>();
    error::<GenerateError>();
    error::<FillError>();
    error::<IdError>();
    error::<LayoutError>();
    error::<SettingError>();
    error::<TopologyError>();
    error::<WorkerIdError>();
    error::<WorkerTextError>();
    fn clock<C: Clock>() {}
    clock::<&ManualClock>();
    clock::<std::sync::Arc<ManualClock>>();
    clock::<&dyn Clock>();
}

#[test]
fn an_id_is_eight_bytes_and_orders_and_hashes_as_its_number() {
    assert_eq!((size_of::<Snowflake<Bare>>(), align_of::<Snowflake<Bare>>()), (8, align_of::<u64>()));
    let numbers = [7, 3, 1 << 53, 0, 3];
    let ids = numbers.map(id::<Bare>);
    let ordered: Vec<u64> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().map(u64::from).collect();
    assert_eq!(ordered, [0, 3, 7, 1 << 53]);
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 4);
    assert_eq!((ids[1], ids[1].max(ids[0])), (ids[4], ids[0]));
}

#[test]
fn an_id_shows_its_number_and_in_debug_its_parts() {
    let snowflake = id::<Discord>(175_928_847_299_117_063);
    assert_eq!(format!("{snowflake}|{snowflake:>20}"), "175928847299117063|  175928847299117063");
    assert_eq!(
        format!("{snowflake:x}|{snowflake:#X}"),
        format!("{:x}|{:#X}", 175_928_847_299_117_063_u64, 175_928_847_299_117_063_u64)
    );
    assert_eq!(
        format!("{snowflake:?}"),
        "Snowflake { id: 175928847299117063, unix_ms: 1462015105796, datacenter: 1, worker: 0, sequence: 7 }"
    );
    assert_eq!(format!("{:?}", WorkerId::<Bare>::fixed_in::<2, 3>()), "WorkerId(2/3)");
}
