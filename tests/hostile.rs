//! Every parser and checked constructor of the library against arbitrary texts and numbers. None panics. Each error
//! names the fault, and each value that is accepted has one canonical form.
//!
//! A few hundred cases each, or the number in the variable `PROPTEST_CASES`.

#![cfg(feature = "std")]

use std::fmt::Display;

use casflake::{
    Discord, FieldOrder, Instagram, JsSafe, Layout, Mastodon, Parts, Scheme, Snowflake, Sonyflake, Sonyflake2,
    Standard, WorkerId, WorkerTextError,
};
use proptest::prelude::*;

/// Calls a generic property for schemes of every kind: few bits and all 64, either order, with and without datacenters.
macro_rules! in_schemes {
    ($property:ident($($argument:expr),*)) => {
        $property::<Standard>($($argument),*)?;
        $property::<Discord>($($argument),*)?;
        $property::<Instagram>($($argument),*)?;
        $property::<Sonyflake>($($argument),*)?;
        $property::<Sonyflake2>($($argument),*)?;
        $property::<JsSafe>($($argument),*)?;
        $property::<Mastodon>($($argument),*)?;
    };
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

type Checked = Result<(), TestCaseError>;

/// Returns any `u64`, as often small as large, and the neighbours of powers of two.
fn number() -> impl Strategy<Value = u64> {
    let near = (0..64_u32, 0..3_u64).prop_map(|(bit, offset)| (1_u64 << bit).wrapping_add(offset).wrapping_sub(1));
    prop_oneof![(any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift), near, Just(u64::MAX)]
}

/// Returns numbers as careless people write them, and other texts.
fn text() -> impl Strategy<Value = String> {
    let digits = || prop_oneof![number().prop_map(|number| number.to_string()), "0{0,3}[0-9]{0,30}"];
    prop_oneof![
        4 => digits(),
        2 => ("[-+ ]", digits()).prop_map(|(sign, digits)| sign + &digits),
        1 => ("[\t\r\n\0_.,xob'\u{2212}\u{a0}\u{feff}]{1,2}", digits()).prop_map(|(sign, digits)| sign + &digits),
        2 => (digits(), "[-+ \t\r\n\0_.,eL\u{660}\u{ff10}]{1,2}", digits()).prop_map(|(a, b, c)| a + &b + &c),
        2 => (digits(), digits()).prop_map(|(datacenter, worker)| format!("{datacenter}/{worker}")),
        1 => ("[0-9/]{0,12}", digits()).prop_map(|(a, b)| a + &b),
        1 => "[0-9]{2000,3000}",
        1 => any::<String>(),
    ]
}

/// Checks that an error has a text, and that the text names these numbers.
fn says(error: &impl Display, numbers: &[u64]) -> Checked {
    let text = error.to_string();
    prop_assert!(!text.is_empty());
    for number in numbers {
        prop_assert!(text.contains(&number.to_string()), "{} is not in: {}", number, text);
    }
    Ok(())
}

fn id_from_text<S: Scheme>(text: &str) -> Checked {
    match text.parse::<Snowflake<S>>() {
        Ok(id) => {
            prop_assert_eq!(id.to_string(), text, "an ID has one text");
        }
        Err(error) => says(&error, &[])?,
    }
    Ok(())
}

/// Returns the index, or the datacenter and worker, that a text means, however large.
fn worker_meant(text: &str) -> Option<Vec<u128>> {
    let numbers: Vec<&str> = text.split('/').collect();
    let is_canonical = |number: &str| number.len() == 1 || !number.starts_with('0');
    let digits =
        |number: &&str| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) && is_canonical(number);
    let value = |number: &&str| number.parse().unwrap_or(u128::MAX);
    (numbers.len() <= 2 && numbers.iter().all(digits)).then(|| numbers.iter().map(value).collect())
}

fn worker_from_text<S: Scheme>(text: &str) -> Checked {
    let (datacenters, workers) = (S::LAYOUT.max_datacenter() + 1, S::LAYOUT.max_worker() + 1);
    let parsed = text.parse::<WorkerId<S>>();
    if let Ok(worker) = parsed {
        prop_assert_eq!(worker.to_string(), format!("{}/{}", worker.datacenter(), worker.worker()));
        prop_assert_eq!(worker.to_string().parse(), Ok(worker));
    }
    match (worker_meant(text).as_deref(), parsed) {
        (Some(&[index]), Ok(worker)) => prop_assert_eq!(u128::from(worker.index()), index),
        (Some(&[datacenter, number]), Ok(worker)) => {
            prop_assert_eq!((u128::from(worker.datacenter()), u128::from(worker.worker())), (datacenter, number));
        }
        (Some(&[index]), Err(error)) => {
            prop_assert!(index >= u128::from(datacenters * workers));
            says(&error, &[datacenters * workers - 1])?;
        }
        (Some(&[datacenter, worker]), Err(error)) => {
            let [too_far, too_many] = [datacenter >= u128::from(datacenters), worker >= u128::from(workers)];
            prop_assert!(too_far || too_many);
            // If both are out of range, the error may name either.
            let named = too_far && says(&error, &[datacenters - 1]).is_ok();
            prop_assert!(named || too_many && says(&error, &[workers - 1]).is_ok(), "{}", error);
        }
        (_, Err(WorkerTextError::LeadingZeros { digits })) => {
            prop_assert!(digits.len() > 1 && digits.starts_with('0') && text.contains(&digits));
        }
        // A number too long for 64 bits may be named before the fault in the rest of the text is found.
        (_, Err(WorkerTextError::TooLong { digits, .. })) => prop_assert!(digits.len() >= 20 && text.contains(&digits)),
        (_, parsed) => prop_assert_eq!(parsed, Err(WorkerTextError::NotAWorker { text: text.to_owned() })),
    }
    Ok(())
}

fn worker_from_hostname<S: Scheme>(name: &str) -> Checked {
    match WorkerId::<S>::from_ordinal(name) {
        Ok(worker) => {
            let label = name.split('.').next().unwrap_or_default();
            let named = label.strip_suffix(&format!("-{}", worker.index()));
            prop_assert!(named.is_some_and(|set| !set.is_empty()), "{}", name);
            prop_assert_eq!(WorkerId::<S>::from_ordinal(label), Ok(worker));
        }
        Err(error) => {
            says(&error, &[])?;
            prop_assert!(error.to_string().contains(&format!("{name:?}")), "{}", error);
        }
    }
    Ok(())
}

fn id_from_numbers<S: Scheme>(number: u64, signed: i64, [tick, datacenter, worker, sequence]: [u64; 4]) -> Checked {
    let layout = S::LAYOUT;
    let id = Snowflake::<S>::try_from(number);
    prop_assert_eq!(id.is_ok(), layout.total_bits() == 64 || number >> layout.total_bits() == 0);
    if let Err(error) = id {
        says(&error, &[number, layout.total_bits().into()])?;
    }
    if let Err(error) = Snowflake::<S>::try_from(signed) {
        says(&error, &[signed.unsigned_abs()])?;
    }
    let parts = [
        (tick, layout.max_tick()),
        (datacenter, layout.max_datacenter()),
        (worker, layout.max_worker()),
        (sequence, layout.max_sequence()),
    ];
    match Snowflake::<S>::from_parts(Parts { tick, datacenter, worker, sequence }) {
        Ok(id) => {
            prop_assert!(parts.iter().all(|(value, max)| value <= max));
            let shown = format!("{id:?}");
            prop_assert!(shown.contains(&id.to_string()), "{}", shown);
        }
        Err(error) => match parts.iter().find(|(value, max)| value > max) {
            Some(&(value, max)) => says(&error, &[value, max])?,
            None => return Err(TestCaseError::fail(error.to_string())),
        },
    }
    for bound in [Snowflake::<S>::min_at(number), Snowflake::<S>::max_at(number)] {
        match bound {
            Ok(id) => prop_assert!(id.unix_ms() <= number && number - id.unix_ms() < layout.tick_ms()),
            Err(error) => says(&error, &[number, layout.epoch_unix_ms()])?,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_text_is_an_id_in_one_form_or_is_refused(text in text()) {
        in_schemes!(id_from_text(&text));
    }

    #[test]
    fn a_text_is_a_worker_that_fits_or_is_refused_with_the_bound(text in text()) {
        in_schemes!(worker_from_text(&text));
    }

    #[test]
    fn a_host_name_ends_in_a_worker_or_is_refused(
        before in prop_oneof!["[a-z-]{0,5}", any::<String>()],
        text in text(),
        after in prop_oneof![Just(String::new()), "[.][a-z0-9.-]{0,9}", any::<String>()]
    ) {
        in_schemes!(worker_from_hostname(&format!("{before}-{text}{after}")));
        in_schemes!(worker_from_hostname(&text));
    }

    /// Names with `=` or NUL, which no variable can have, are among them.
    #[test]
    fn a_variable_that_can_not_be_set_is_refused_by_name(name in "casflake[=\0]|[=\0].{0,9}|casflake .{0,9}|") {
        prop_assert_eq!(WorkerId::<Standard>::from_env(&name), Err(WorkerTextError::NotSet { variable: name }));
    }

    #[test]
    fn numbers_parts_and_times_are_ids_or_refused_with_their_numbers(
        number in number(), signed in any::<i64>(), shift in 0..64_u32, parts in [number(), number(), number(), number()]
    ) {
        in_schemes!(id_from_numbers(number, signed >> shift, parts));
        // Times that the schemes have.
        in_schemes!(id_from_numbers(1_400_000_000_000 + number % 1_000_000_000_000, signed, parts.map(|part| part >> 32)));
    }
}

/// A change of a layout.
#[derive(Clone, Copy, Debug)]
enum Change {
    Epoch(u64),
    Tick(u64),
    Order(FieldOrder),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        number().prop_map(Change::Epoch),
        number().prop_map(Change::Tick),
        Just(Change::Order(FieldOrder::WorkerLast)),
        Just(Change::Order(FieldOrder::SequenceLast)),
    ]
}

/// Uses all methods of a layout with any number. None may overflow.
fn use_layout(layout: &Layout, number: u64) -> Checked {
    prop_assert!((1..=64).contains(&layout.total_bits()));
    let last = layout.unix_ms_of(layout.max_tick());
    prop_assert!(last.is_some_and(|last| last >= layout.epoch_unix_ms()));
    prop_assert_eq!(layout.decode(number).and_then(|parts| layout.encode(parts)).unwrap_or(number), number);
    if let Some(tick) = layout.tick_at(number) {
        prop_assert!(layout.unix_ms_of(tick) <= Some(number));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_layout_is_valid_or_refused_after_any_changes(
        widths in prop_oneof![any::<[u32; 4]>(), [0..66_u32, 0..20_u32, 0..20_u32, 0..20_u32]],
        changes in prop::collection::vec(change(), 0..8),
        number in number()
    ) {
        let [timestamp, datacenter, worker, sequence] = widths;
        let mut layout = match Layout::try_new(timestamp, datacenter, worker, sequence) {
            Ok(layout) => layout,
            Err(error) => return says(&error, if timestamp == 0 { &[0] } else { &[64] }),
        };
        for change in changes {
            let (changed, asked) = match change {
                Change::Epoch(epoch) => (layout.try_with_epoch_unix_ms(epoch), epoch),
                Change::Tick(tick) => (layout.try_with_tick_ms(tick), tick),
                Change::Order(order) => (Ok(layout.with_order(order)), 0),
            };
            match changed {
                Ok(changed) => layout = changed,
                Err(error) => says(&error, &[asked])?,
            }
            use_layout(&layout, number)?;
        }
    }
}

#[cfg(feature = "serde")]
mod json {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(bound = "")]
    struct Integer<S: Scheme>(#[serde(with = "casflake::serde_as::integer")] Snowflake<S>);

    #[derive(Debug, Deserialize)]
    #[serde(bound = "")]
    struct Text<S: Scheme>(#[serde(with = "casflake::serde_as::string")] Snowflake<S>);

    /// Returns JSON of any kind, most of it almost an ID, and texts that are not JSON.
    fn json() -> impl Strategy<Value = String> {
        let string = || text().prop_map(|text| Value::String(text).to_string());
        prop_oneof![
            3 => string(),
            3 => text(),
            2 => any::<i64>().prop_map(|number| number.to_string()),
            1 => "-?[0-9]{1,22}([.][0-9]{1,3})?([eE][-+]?[0-9]{1,4})?",
            1 => "\"(\\\\u00(3[0-9]|2[bd])|[0-9]){0,20}\"",
            1 => string().prop_map(|text| format!("[{text}]")),
            1 => string().prop_map(|text| format!("{{\"id\":{text}}}")),
            1 => "[\\[\\]{}\",:0-9a-z\\\\ -]{0,20}",
        ]
    }

    fn id_from_json<S: Scheme>(json: &str) -> Checked {
        let value = serde_json::from_str::<Value>(json).ok();
        let number = |value: &Value| {
            let signed = || value.as_i64().and_then(|number| Snowflake::<S>::try_from(number).ok());
            value.as_u64().map_or_else(signed, |number| Snowflake::try_from(number).ok())
        };
        let text = |value: &Value| value.as_str().and_then(|text| text.parse::<Snowflake<S>>().ok());
        let as_integer = serde_json::from_str::<Integer<S>>(json).map(|Integer(id)| id);
        let as_string = serde_json::from_str::<Text<S>>(json).map(|Text(id)| id);
        let plain = serde_json::from_str::<Snowflake<S>>(json);
        for (parsed, expected) in [
            (as_integer, value.as_ref().and_then(number)),
            (as_string, value.as_ref().and_then(text)),
            (plain, value.as_ref().and_then(text)),
        ] {
            match parsed {
                Ok(id) => prop_assert_eq!(Some(id), expected),
                Err(error) => {
                    prop_assert_eq!(None, expected, "{}", error);
                    says(&error, &[])?;
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn json_is_an_id_in_the_form_that_was_named_or_is_refused(json in json()) {
            in_schemes!(id_from_json(&json));
        }
    }
}
