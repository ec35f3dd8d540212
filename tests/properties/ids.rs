//! `Snowflake` and `WorkerId` of every preset, from and to numbers, texts and times.

use casflake::{
    Discord, IdError, Instagram, JsSafe, Mastodon, Parts, Scheme, Snowflake, Sonyflake, Sonyflake2, Standard, Twitter,
    WorkerId, WorkerTextError,
};
use proptest::prelude::*;

use super::any_size;

/// Checks what holds for a number, a text and a time in the scheme `S`.
fn id_properties<S: Scheme>(number: u64, signed: i64, time: u64, parts: [u64; 4]) -> Result<(), TestCaseError> {
    let layout = S::LAYOUT;
    let id = Snowflake::<S>::try_from(number);
    prop_assert_eq!(id.map(Snowflake::parts), layout.decode(number));
    prop_assert_eq!(number.to_string().parse(), id);
    if let Ok(id) = id {
        prop_assert_eq!((id.as_u64(), u64::from(id)), (number, number));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(format!("000{id}").parse::<Snowflake<S>>(), Err(IdError::LeadingZeros));
        prop_assert_eq!(Snowflake::try_from(id.as_i64()), Ok(id));
        prop_assert_eq!(Snowflake::from_parts(id.parts()), Ok(id));
        prop_assert_eq!(Some(id.unix_ms()), layout.unix_ms_of(id.tick()));
        prop_assert!(Snowflake::MIN <= id && id <= Snowflake::MAX);
    }

    match Snowflake::<S>::try_from(signed) {
        Ok(id) => prop_assert_eq!(id.as_i64(), signed),
        Err(IdError::Negative { value }) => prop_assert!(value == signed && signed < 0 && layout.total_bits() < 64),
        Err(error) => prop_assert_eq!(error, layout.decode(u64::try_from(signed).expect("positive")).unwrap_err()),
    }

    let [tick, datacenter, worker, sequence] = parts;
    let parts = Parts { tick, datacenter, worker, sequence };
    prop_assert_eq!(Snowflake::<S>::from_parts(parts).map(Snowflake::as_u64), layout.encode(parts));

    // The parts reduced to fit, in the tick at `time`.
    match (layout.tick_at(time), Snowflake::<S>::min_at(time), Snowflake::<S>::max_at(time)) {
        (Some(tick), Ok(min), Ok(max)) => {
            let fit = |value: u64, max: u64| if max == u64::MAX { value } else { value % (max + 1) };
            let parts = Parts {
                tick,
                datacenter: fit(datacenter, layout.max_datacenter()),
                worker: fit(worker, layout.max_worker()),
                sequence: fit(sequence, layout.max_sequence()),
            };
            let id = Snowflake::from_parts(parts).expect("parts that fit");
            prop_assert!(min <= id && id <= max);
            prop_assert_eq!((min.tick(), max.tick()), (tick, tick));
            if let Some(below) = min.as_u64().checked_sub(1) {
                prop_assert_eq!(layout.decode(below).map(|parts| parts.tick), Ok(tick - 1));
            }
            if max < Snowflake::MAX {
                prop_assert_eq!(layout.decode(max.as_u64() + 1).map(|parts| parts.tick), Ok(tick + 1));
            }
        }
        (None, min, max) => {
            let last = layout.unix_ms_of(layout.max_tick()).expect("the last tick has a time");
            let last = last.saturating_add(layout.tick_ms() - 1);
            let refused = IdError::Time { unix_ms: time, first_unix_ms: layout.epoch_unix_ms(), last_unix_ms: last };
            prop_assert_eq!((min, max), (Err(refused), Err(refused)));
        }
        outcome => return Err(TestCaseError::fail(format!("{outcome:?}"))),
    }
    Ok(())
}

fn text_properties<S: Scheme>(text: &str) -> Result<(), TestCaseError> {
    let parsed = text.parse::<Snowflake<S>>();
    match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        None if text.is_empty() => prop_assert_eq!(parsed, Err(IdError::NotDecimal { found: None })),
        None if text.len() > 1 && text.starts_with('0') => prop_assert_eq!(parsed, Err(IdError::LeadingZeros)),
        None => match text.parse::<u128>().unwrap_or_default() {
            number if number > u128::from(u64::MAX) => prop_assert_eq!(parsed, Err(IdError::TooLong)),
            number => {
                let number = u64::try_from(number).expect("64 bits");
                prop_assert_eq!(parsed.map(Snowflake::parts), S::LAYOUT.decode(number));
            }
        },
        stray => prop_assert_eq!(parsed, Err(IdError::NotDecimal { found: stray })),
    }
    Ok(())
}

fn worker_properties<S: Scheme>(datacenter: u64, worker: u64) -> Result<(), TestCaseError> {
    let layout = S::LAYOUT;
    let fits = datacenter <= layout.max_datacenter() && worker <= layout.max_worker();
    let made = WorkerId::<S>::new_in(datacenter, worker);
    prop_assert_eq!(made.is_ok(), fits);
    prop_assert_eq!(format!("{datacenter}/{worker}").parse(), made.map_err(WorkerTextError::from));
    if let Ok(worker) = made {
        prop_assert_eq!(WorkerId::from_index(worker.index()), Ok(worker));
        prop_assert_eq!(worker.index().to_string().parse(), Ok(worker));
    }
    Ok(())
}

proptest! {
    #[test]
    fn numbers_texts_and_times_are_read_and_written_alike_in_every_scheme(
        number in any_size(), signed in any::<i64>(), time in any_size(), parts in [any_size(), any_size(), any_size(), any_size()]
    ) {
        in_every_scheme!(id_properties(number, signed, time, parts));
        // Times that the presets have.
        in_every_scheme!(id_properties(number, signed >> 20, 1_288_000_000_000 + time % 3_000_000_000_000, parts));
    }

    #[test]
    fn i5_only_plain_digits_are_an_id(
        text in prop_oneof!["[0-9]{0,25}", "[0-9]{0,5}[+ \\-_.x٣३０a][0-9]{0,5}", any::<String>()]
    ) {
        in_every_scheme!(text_properties(&text));
    }
}

#[test]
fn i5_a_text_with_signs_spaces_or_other_digits_is_not_an_id() {
    let strays = [("+1", 0, '+'), ("-1", 0, '-'), (" 1", 0, ' '), ("1 ", 1, ' '), ("1_000", 1, '_'), ("१", 0, '१')];
    for (text, at, found) in strays {
        assert_eq!(text.parse::<Snowflake>(), Err(IdError::NotDecimal { found: Some((at, found)) }), "{text:?}");
    }
    assert_eq!("".parse::<Snowflake>(), Err(IdError::NotDecimal { found: None }));
    assert_eq!("18446744073709551616".parse::<Snowflake>(), Err(IdError::TooLong));
    for zeros in ["007", "00", "000000000000000000007", "0018446744073709551616"] {
        assert_eq!(zeros.parse::<Snowflake>(), Err(IdError::LeadingZeros), "{zeros}: one ID has one text");
    }
    assert_eq!("0".parse::<Snowflake>(), Ok(Snowflake::MIN));
    let foreign = IdError::ReservedBits { id: u64::MAX, bits: 63 };
    assert_eq!("18446744073709551615".parse::<Snowflake>(), Err(foreign));
}

proptest! {
    #[test]
    fn a_worker_leads_to_its_text_and_index_and_back(datacenter in any_size(), worker in any_size()) {
        in_every_scheme!(worker_properties(datacenter, worker));
        in_every_scheme!(worker_properties(datacenter % 34, worker % 34));
    }
}

#[test]
fn decimal_texts_of_the_standard_layout_grow_by_a_digit_on_2031_07_22_and_hexadecimal_ones_do_not() {
    let day = 1_942_444_800_000; // 2031-07-22T00:00:00Z
    let (before, after) = (<Snowflake>::max_at(day).unwrap(), <Snowflake>::min_at(day + 86_400_000).unwrap());
    assert_eq!((before.to_string().len(), after.to_string().len()), (18, 19));
    assert!(before < after && before.to_string() > after.to_string(), "the texts sort the other way round");
    assert!(format!("{before:016x}") < format!("{after:016x}"));
}
