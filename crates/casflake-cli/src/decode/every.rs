//! `casflake decode --layout all`: decodes an ID in every layout.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use casflake::Layout;
use clap::ValueEnum;
use serde::Serialize;

use super::write_json;
use crate::fields::Fields;
use crate::id_number::Number;
use crate::layouts::LayoutName;
use crate::stop::Outcome;

/// An ID is "in the future" if the ID's time is ahead of this host's clock by more than this many milliseconds. A
/// shorter lead is accepted, because the clock of the host that issued the ID can be ahead of this host's clock.
const CLOCKS_DIFFER_MS: u64 = 60_000;

/// The fields of an ID in one layout. Each reading is one line of the JSON output.
#[derive(Serialize)]
struct Reading {
    layout: String,
    /// The reason why the ID cannot come from this layout, or `None` if there is no such reason. `None` is written as
    /// `null`.
    implausible: Option<String>,
    /// The fields of the ID, or `None` if the layout has too few bits for the ID. `None` adds nothing to the JSON
    /// object.
    #[serde(flatten)]
    fields: Option<Fields>,
}

/// Prints one line for each layout. The line contains the fields that the ID `number` has in that layout. If the ID
/// cannot come from that layout, the line also contains the reason.
pub(super) fn print(number: Number, json: bool, out: &mut impl Write) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    for (name, layout) in LayoutName::value_variants().iter().filter_map(|name| Some((*name, name.layout()?))) {
        let reading = reading(name, &layout, number, now_ms);
        if json {
            write_json(out, &reading)?;
            continue;
        }
        write!(out, "{:10}", reading.layout)?;
        match &reading.fields {
            Some(fields) => write!(out, "  {fields}")?,
            None => write!(out, "  {}", number.bits())?,
        }
        match reading.implausible {
            Some(why) => writeln!(out, "  implausible: {why}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn reading(name: LayoutName, layout: &Layout, number: Number, now_ms: u64) -> Reading {
    let written = name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let fields = number.id(layout).and_then(|id| Fields::of(layout, id).map(|fields| (id, fields)));
    let (implausible, fields) = match fields {
        Ok((id, fields)) => (implausible(name, layout, id, fields.unix_ms, now_ms), Some(fields)),
        Err(_) if matches!(number, Number::Negative(_)) => (Some("IDs of this layout are never negative".into()), None),
        Err(_) => (Some(format!("IDs of this layout have only {} bits", layout.total_bits())), None),
    };
    Reading { layout: written, implausible, fields }
}

/// Returns the reason why the service that uses this layout cannot have issued this ID, such as "the time is in the
/// future". Returns `None` if there is no such reason.
fn implausible(name: LayoutName, layout: &Layout, id: u64, unix_ms: u64, now_ms: u64) -> Option<String> {
    if unix_ms > now_ms.saturating_add(CLOCKS_DIFFER_MS) {
        return Some("the time is in the future".into());
    }
    if let Some(why) = name.no_time_in(id) {
        return Some(why.into());
    }
    let since = name.in_use_since(layout);
    (unix_ms < since).then(|| "the time is before the layout was in use".into())
}

#[cfg(test)]
mod tests {
    use casflake::{Scheme, Standard};
    use clap::ValueEnum;

    use super::{LayoutName, Number, reading};

    fn verdicts(id: u64, now_ms: u64) -> Vec<(String, Option<String>)> {
        let layouts = LayoutName::value_variants().iter().filter_map(|name| Some((*name, name.layout()?)));
        let readings = layouts.map(|(name, layout)| reading(name, &layout, Number::Unsigned(id), now_ms));
        readings.map(|reading| (reading.layout, reading.implausible)).collect()
    }

    const NOW: u64 = 1_780_000_000_000; // May 2026

    #[test]
    fn an_id_of_a_service_is_plausible_in_its_layout() {
        let plausible = |id: u64, name: &str| verdicts(id, NOW).contains(&(name.to_owned(), None));
        assert!(plausible(175_928_847_299_117_063, "discord"));
        assert!(plausible(1_541_815_603_606_036_480, "twitter"));
        assert!(plausible(103_270_115_826_048_975, "mastodon"));
        assert!(!plausible(1_541_815_603_606_036_480, "standard"), "2035");
        assert!(!plausible(1_541_815_603_606_036_480, "js-safe"), "over 53 bits");
        assert!(!plausible(175_928_847_299_117_063, "mastodon"), "2055");
    }

    #[test]
    fn a_small_number_is_implausible_in_every_layout() {
        for (layout, implausible) in verdicts(123_456_789, NOW) {
            assert!(implausible.is_some(), "{layout}");
        }
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_makes_no_id_implausible() {
        let id = (NOW + 59_000 - Standard::LAYOUT.epoch_unix_ms()) << 22;
        assert!(verdicts(id, NOW).contains(&("standard".into(), None)));
        let later = id + (2_000 << 22);
        assert!(verdicts(later, NOW).contains(&("standard".into(), Some("the time is in the future".into()))));
    }
}
