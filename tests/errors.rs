//! The texts of all errors. A remedy is a few words behind a colon or a semicolon; a bound such as "0 to 31" is one.

#![cfg(feature = "std")]

use std::error::Error;
use std::time::Duration;

use casflake::{
    Batch, BatchError, FillError, GenerateError, IdError, LayoutError, SettingError, Snowflake, TopologyError,
    WorkerIdError, WorkerTextError,
};

const MS: Duration = Duration::from_millis(1);

fn texts() -> Vec<(Box<dyn Error>, &'static str)> {
    let mut texts = generate_errors();
    texts.extend(id_and_layout_errors());
    texts.extend(worker_errors());
    texts.extend(setting_and_topology_errors());
    texts
}

fn generate_errors() -> Vec<(Box<dyn Error>, &'static str)> {
    let issued = Batch::from(vec![<Snowflake>::MIN; 3]);
    vec![
        (
            GenerateError::Exhausted { retry_after: MS }.into(),
            "every ID of the current tick is taken: try again in 1ms, or set the generator's max_wait above 1ms and \
             call generate",
        ),
        (
            GenerateError::ClockBehind { by: 5 * MS }.into(),
            "the clock has moved back and is 5ms too far behind the last ID: try again when the clock has caught up, \
             and correct the clock slowly (slew it) instead of setting it back",
        ),
        (
            GenerateError::ClockStalled { max_wait: 100 * MS }.into(),
            "the clock did not reach the next tick within max_wait, 100ms: check that the clock runs, or raise \
             max_wait",
        ),
        (
            GenerateError::BeforeEpoch { unix_ms: 7, epoch_unix_ms: 9 }.into(),
            "the clock reads Unix time 7 ms, before the layout's epoch at 9 ms: set the clock, or choose an earlier \
             epoch",
        ),
        (
            GenerateError::TooEarly { not_before: 7, retry_after: MS }.into(),
            "the window opens at tick 7: try again in 1ms",
        ),
        (GenerateError::Fenced { fence: 7 }.into(), "the window ended at tick 7: extend the fence to a later tick"),
        (
            GenerateError::Closed.into(),
            "the generator was closed: make a new one with not_before after the last tick of this one",
        ),
        (
            GenerateError::OutOfTicks { max_tick: 7 }.into(),
            "the clock has passed the layout's last tick, 7, or all IDs of that tick are taken: set the clock, or \
             choose a layout with a later epoch or a wider timestamp",
        ),
        (
            GenerateError::LeaseExpired { until_tick: 7, retry_after: MS }.into(),
            "the lease until tick 7 has ended or was lost, or a clock has jumped: try again in 1ms; last_error in the \
             generator's stats may say why",
        ),
        (
            GenerateError::ShutDown.into(),
            "the generator was shut down because its process stops: ask another process, or make a new generator",
        ),
        (
            GenerateError::StoreClockBehind { by: 5 * MS }.into(),
            "the store's clock is 5ms behind the end of a window that the store has granted, or behind the last ID: \
             set the store's clock, or try again when the clock has caught up",
        ),
        (
            GenerateError::OtherProcess.into(),
            "this process is a fork of the process that holds the lease: acquire a lease after the fork, not before",
        ),
        (
            GenerateError::Count { count: 0, max: 9 }.into(),
            "the size of the batch, 0, is out of range: ask for 1 to 9 IDs",
        ),
        (FillError::new(3, GenerateError::Closed).into(), "the buffer is incomplete: 3 IDs were written and are valid"),
        (
            BatchError::new(GenerateError::Closed, issued).into(),
            "the batch is incomplete: 3 IDs were issued and are valid",
        ),
    ]
}

fn id_and_layout_errors() -> Vec<(Box<dyn Error>, &'static str)> {
    vec![
        (
            IdError::ReservedBits { id: 1 << 63, bits: 63 }.into(),
            "ID 9223372036854775808 is out of range: 0 to 2^63 - 1 in this layout; choose the layout that the ID \
             was made with",
        ),
        (
            IdError::Negative { value: -5 }.into(),
            "ID -5 is negative: IDs of this layout are at least 0; choose the layout that the ID was made with",
        ),
        (
            IdError::Field { field: "sequence", value: 4096, max: 4095 }.into(),
            "sequence 4096 is out of range: 0 to 4095",
        ),
        (
            IdError::Time { unix_ms: 5, first_unix_ms: 7, last_unix_ms: 9 }.into(),
            "Unix time 5 ms is out of range: 7 to 9 ms",
        ),
        (IdError::NotDecimal { found: None }.into(), "the text is empty: give a decimal number"),
        (
            IdError::NotDecimal { found: Some((2, 'x')) }.into(),
            "'x' at byte 2 is not a digit: give decimal digits only",
        ),
        (IdError::TooLong.into(), "the number is out of range: 0 to 18446744073709551615"),
        (IdError::LeadingZeros.into(), "the number has leading zeros: remove them"),
        (LayoutError::NoTimestamp.into(), "the timestamp has 0 bits: give it at least 1"),
        (
            LayoutError::TooWide { timestamp: 41, datacenter: 8, worker: 9, sequence: 13 }.into(),
            "timestamp 41 + datacenter 8 + worker 9 + sequence 13 add up to more than 64 bits: make a field narrower",
        ),
        (LayoutError::ZeroTick.into(), "the tick is 0 ms long: give it at least 1 ms"),
        (
            LayoutError::TimeOverflow { epoch_unix_ms: 7, tick_ms: 9 }.into(),
            "with epoch 7 ms and ticks of 9 ms, the last tick would begin after Unix time 18446744073709551615 ms: \
             choose an earlier epoch, a shorter tick or a narrower timestamp",
        ),
    ]
}

fn worker_errors() -> Vec<(Box<dyn Error>, &'static str)> {
    let worker = WorkerIdError::Worker { value: 32, max: 31 };
    let cause = || Box::new(WorkerTextError::DoesNotFit(worker));
    vec![
        (WorkerIdError::Datacenter { value: 32, max: 31 }.into(), "datacenter 32 is out of range: 0 to 31"),
        (worker.into(), "worker 32 is out of range: 0 to 31"),
        (WorkerIdError::Index { value: 1024, max: 1023 }.into(), "worker index 1024 is out of range: 0 to 1023"),
        (
            WorkerTextError::NotAWorker { text: "a".into() }.into(),
            "\"a\" is not a worker: give an index such as 37, or datacenter/worker such as 1/5",
        ),
        (
            WorkerTextError::NoOrdinal { hostname: "web".into() }.into(),
            "host name \"web\" has no ordinal: end the name in a hyphen and a number without leading zeros, as in \
             web-3, or give the worker explicitly",
        ),
        (
            WorkerTextError::Hostname { hostname: "web-32".into(), cause: cause() }.into(),
            "host name \"web-32\": worker 32 is out of range: 0 to 31",
        ),
        (WorkerTextError::DoesNotFit(worker).into(), "worker 32 is out of range: 0 to 31"),
        (
            WorkerTextError::TooLong { digits: "18446744073709551616".into(), max: 31 }.into(),
            "number 18446744073709551616 is out of range: 0 to 31",
        ),
        (WorkerTextError::LeadingZeros { digits: "007".into() }.into(), "number 007 has leading zeros: remove them"),
        (
            WorkerTextError::NotSet { variable: "WORKER".into() }.into(),
            "environment variable WORKER is not set, or is not Unicode: set the variable to an index such as 37, or \
             to datacenter/worker such as 1/5",
        ),
        (
            WorkerTextError::Variable { variable: "WORKER".into(), cause: cause() }.into(),
            "environment variable WORKER: worker 32 is out of range: 0 to 31",
        ),
    ]
}

fn setting_and_topology_errors() -> Vec<(Box<dyn Error>, &'static str)> {
    vec![
        (SettingError::NotBefore { value: 9, max: 7 }.into(), "not_before 9 is out of range: 0 to 7"),
        (SettingError::Fence { value: 9, max: 8 }.into(), "fence 9 is out of range: 1 to 8"),
        (
            SettingError::EmptyWindow { not_before: 5, fence: 4 }.into(),
            "no tick is in the window from 5 to fence 4: give a fence of at least 6",
        ),
        (SettingError::MaxLead { value: 9, max: 7 }.into(), "max_lead 9 is out of range: 0 to 7 ticks"),
        (
            TopologyError::Datacenters { count: 33, max: 32 }.into(),
            "the number of datacenters, 33, is out of range: give 1 to 32",
        ),
        (
            TopologyError::Workers { count: 33, max: 32 }.into(),
            "the number of workers per datacenter, 33, is out of range: give 1 to 32",
        ),
        (
            TopologyError::TooMany { count: 99, max: 64 }.into(),
            "the number of generators, 99, is out of range: give 1 to 64",
        ),
        (TopologyError::NoDatacenter { datacenter: 3, datacenters: 3 }.into(), "datacenter 3 is out of range: 0 to 2"),
        (TopologyError::NoWorker { worker: 5, workers: 5 }.into(), "worker 5 is out of range: 0 to 4"),
    ]
}

#[test]
fn each_error_has_the_text_in_the_table() {
    for (error, text) in texts() {
        assert_eq!(error.to_string(), text);
        assert!(text.contains([':', ';']), "no remedy: {text}");
    }
}

#[test]
fn each_error_is_one_line_that_can_follow_a_colon() {
    for (_, text) in texts() {
        let is_name = text.starts_with("ID ") || text.starts_with("Unix ");
        assert!(is_name || !text.starts_with(char::is_uppercase), "{text}");
        assert!(!text.ends_with(['.', '?', '!']) && !text.contains(['?', '\n']) && text.len() <= 180, "{text}");
    }
}
