//! Parses whole numbers in arguments, with errors that name the bounds. Formats counts.

use std::ops::RangeInclusive;

/// Returns a parser for clap. The parser accepts the whole numbers in `range`, written in digits only.
pub(crate) fn whole<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("give a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Formats a count and the name of the counted things, such as `1 worker` or `2 workers`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Converts a count to a float. The result is rounded if the count needs more than 53 bits. Rounding does no harm,
/// because the result is used only in printed figures and in charts.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;

    use super::whole;
    use crate::Cli;

    fn config() -> ProptestConfig {
        ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
    }

    /// Generates numbers, and texts that could be written by mistake where a number is expected.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| (number >> shift).to_string()),
            "0{0,30}[0-9]{0,25}",
            "[-+ ][0-9]{1,3}",
            "[-+ 0-9_.,xe\u{660}\u{ff10}]{0,8}",
            any::<String>(),
        ]
    }

    /// Returns the number that the digits of `text` mean, or `None` if `text` is not a row of digits. If the number is
    /// larger than `u128::MAX`, the result is `u128::MAX`.
    fn meant(text: &str) -> Option<u128> {
        let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        digits.then(|| match text.trim_start_matches('0') {
            "" => 0,
            digits => digits.parse().unwrap_or(u128::MAX),
        })
    }

    fn widths(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = String> {
        let width = prop_oneof![9 => (0..70_u32).prop_map(|width| width.to_string()), 1 => text()];
        prop::collection::vec(width, count).prop_map(|widths| widths.join(","))
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn digits_within_the_range_are_a_number_and_nothing_else_is(
            text in text(),
            from in prop_oneof![Just(0), (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)],
            to in prop_oneof![Just(u64::MAX), any::<u64>()]
        ) {
            let range = from..=to;
            let parsed = whole::<u64>(range.clone())(&text);
            let number = meant(&text).and_then(|number| u64::try_from(number).ok());
            match number.filter(|number| range.contains(number)) {
                Some(number) => prop_assert_eq!(parsed, Ok(number)),
                None => {
                    let refused = format!("give a whole number from {} to {}", range.start(), range.end());
                    prop_assert_eq!(parsed, Err(refused));
                }
            }
        }

        #[test]
        fn bits_are_four_widths_up_to_64_and_nothing_else(text in prop_oneof![3 => widths(4), 1 => widths(0..6)]) {
            let widths: Vec<&str> = text.split(',').collect();
            let good = widths.len() == 4 && widths.iter().all(|width| meant(width).is_some_and(|width| width <= 64));
            let parsed = Cli::try_parse_from(["casflake", "decode", &format!("--bits={text}"), "--epoch=0"]);
            prop_assert_eq!(parsed.is_ok(), good);
        }
    }
}
