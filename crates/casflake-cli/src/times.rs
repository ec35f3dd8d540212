//! Parses times in arguments: dates, RFC 3339, Unix milliseconds, and durations before or after now.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};

/// If a number has four or eight digits, and the first four digits are in this range, those four are assumed to be a
/// year.
const YEARS: std::ops::RangeInclusive<u64> = 1900..=2199;

/// A number in this range is assumed to count seconds. In seconds, the number is a time from 2000 to 2100. In
/// milliseconds, it would be a time in the first seven weeks of 1970.
const SECONDS: std::ops::RangeInclusive<u64> = 946_684_800..=4_102_444_800;

/// Parses a time for clap, and returns it in Unix milliseconds. The text is a number of Unix milliseconds, a date, or a
/// time in RFC 3339.
pub(crate) fn unix_ms(text: &str) -> Result<u64, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return number(text);
    }
    since_1970(time(text)?)
}

fn number(digits: &str) -> Result<u64, String> {
    let number = digits.parse().map_err(|_| format!("give Unix milliseconds from 0 to {}, or a date", u64::MAX))?;
    if let Some(date) = written_without_hyphens(digits, number) {
        return Err(format!("{number} looks like a date: write {date}, or 0{number} for milliseconds"));
    }
    if SECONDS.contains(&number) {
        let seconds = i64::try_from(number).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = seconds.map(|time| time.to_string()).unwrap_or_default();
        return Err(format!("{number} looks like seconds: write {number}000 for milliseconds, or {time}"));
    }
    Ok(number)
}

/// Returns the date that `digits` probably mean, or `None` if they do not look like a date. The digits look like a date
/// if they have the form YYYY or YYYYMMDD, the year is in [`YEARS`], and the date exists. As a number of milliseconds,
/// such digits would be a time in the first hours of 1970. `number` is the value of `digits`.
fn written_without_hyphens(digits: &str, number: u64) -> Option<String> {
    let year = match digits.len() {
        4 => number,
        8 => number / 10_000,
        _ => return None,
    };
    let (month, day) = if digits.len() == 4 { (1, 1) } else { (number / 100 % 100, number % 100) };
    let date = format!("{year}-{month:02}-{day:02}");
    (YEARS.contains(&year) && civil::Date::from_str(&date).is_ok()).then_some(date)
}

fn time(text: &str) -> Result<Timestamp, String> {
    if text.contains('[') {
        return Err("a time zone in brackets is not read: write the offset, such as 2026-01-31T09:30:00-05:00".into());
    }
    let time = if is_date(text) {
        let date = civil::Date::from_str(text).ok();
        date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|midnight| midnight.timestamp())
    } else {
        text.parse().ok()
    };
    time.ok_or_else(|| {
        if text.contains(['T', 't', ' ']) && civil::DateTime::from_str(text).is_ok() {
            return "the time zone is missing: append Z (UTC) or an offset, such as 2026-01-31T09:30:00Z or \
                    2026-01-31T09:30:00+01:00"
                .into();
        }
        "give a date such as 2026-01-31 (UTC), a time such as 2026-01-31T09:30:00Z or with an offset such as +02:00, \
         or Unix milliseconds"
            .into()
    })
}

/// Returns whether the text has the form YYYY-MM-DD. The check is needed because the parser of dates also accepts other
/// forms. The parser even accepts a date with a time, and ignores the time.
fn is_date(text: &str) -> bool {
    let is_of_form = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(is_of_form)
}

fn since_1970(time: Timestamp) -> Result<u64, String> {
    u64::try_from(time.as_millisecond()).map_err(|_| "the time is before 1970: no ID is that old".into())
}

/// A time, given either as a fixed time or as a duration before or after now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    At(u64),
    FromNow(Span),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::FromNow(Span::new()));
        }
        // A duration needs a sign. Without one, it would not be clear whether the time is before or after now.
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::FromNow).map_err(|_| {
                "give a duration before or after now, such as -7d, -1h30m or +15m (m is minutes, mo is months)".into()
            });
        }
        unix_ms(text).map(Self::At).map_err(|why| format!("{why}; or give a duration from now, such as -7d"))
    }
}

impl Moment {
    /// Returns this time in Unix milliseconds. `now` is the present time.
    pub(crate) fn unix_ms(self, now: Timestamp) -> Result<u64, String> {
        match self {
            Self::At(unix_ms) => Ok(unix_ms),
            Self::FromNow(span) => {
                let time = now.to_zoned(TimeZone::UTC).checked_add(span);
                since_1970(time.map_err(|_| "give a time up to the year 9999".to_owned())?.timestamp())
            }
        }
    }
}

/// Formats a time as RFC 3339 in UTC, with milliseconds. Returns `None` for a time after 9999-12-30T22:00:00.999Z,
/// which is the last millisecond that a [`Timestamp`] can hold.
pub(crate) fn rfc_3339(unix_ms: u64) -> Option<String> {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map(|time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Moment, unix_ms};

    #[test]
    fn a_date_a_time_and_milliseconds_mean_the_same_moment() {
        for text in ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "1767225600000"] {
            assert_eq!(unix_ms(text), Ok(1_767_225_600_000), "{text}");
        }
        assert_eq!(unix_ms("2026-01-01T00:00:00.0019Z"), Ok(1_767_225_600_001), "rounded down");
        assert_eq!(unix_ms("0"), Ok(0));
        assert_eq!(unix_ms("1970-01-01"), Ok(0));
        assert_eq!(unix_ms("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn a_text_that_is_not_a_time_is_refused_with_an_example() {
        for text in [
            "",
            "x",
            "-1",
            "+1",
            "2026-13-01",
            "2026-01-01T00:00:00",
            "2026-01-01x",
            "1e3",
            "12:00",
            "2026-1-1",
            "2026-01-31[America/New_York]",
            "2026-01-31T00:00:00-05:00[America/New_York]",
            "2026-W05-6",
            "+002026-01-31",
        ] {
            let refused = unix_ms(text);
            assert!(refused.as_ref().is_err_and(|why| why.contains("2026-01-31")), "{text}: {refused:?}");
        }
        assert!(unix_ms("2026-01-31[Europe/Berlin]").is_err_and(|why| why.contains("brackets")));
        for text in ["2026-11-27 00:00:00", "2026-11-27T00:00:00"] {
            assert!(unix_ms(text).is_err_and(|why| why.contains("zone is missing")), "{text}");
        }
        assert!(unix_ms("18446744073709551616").is_err_and(|why| why.contains("0 to 18446744073709551615")));
        assert!(unix_ms("1969-12-31").is_err_and(|why| why.contains("before 1970")));
    }

    #[test]
    fn a_number_that_looks_like_a_date_is_refused_with_the_date() {
        for (text, date) in [("2026", "2026-01-01"), ("20260131", "2026-01-31"), ("19991231", "1999-12-31")] {
            assert!(unix_ms(text).is_err_and(|why| why.contains(&format!("write {date}"))), "{text}");
        }
        for (text, number) in
            [("0", 0), ("1000", 1000), ("20261301", 20_261_301), ("02026", 2026), ("2026013", 2_026_013)]
        {
            assert_eq!(unix_ms(text), Ok(number), "not a date");
        }
    }

    #[test]
    fn a_number_that_looks_like_seconds_is_refused_with_its_time() {
        let refused = unix_ms("1767225600").unwrap_err();
        assert_eq!(
            refused,
            "1767225600 looks like seconds: write 1767225600000 for milliseconds, or 2026-01-01T00:00:00Z"
        );
        for number in [946_684_800_u64, 4_102_444_800] {
            assert!(unix_ms(&number.to_string()).is_err());
        }
        for number in [946_684_799_u64, 4_102_444_801] {
            assert_eq!(unix_ms(&number.to_string()), Ok(number));
        }
    }

    #[test]
    fn a_signed_duration_is_counted_from_now() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Moment>().and_then(|moment| moment.unix_ms(now));
        let ms = |time: &str| Ok(u64::try_from(time.parse::<Timestamp>().unwrap().as_millisecond()).unwrap());
        assert_eq!(at("now"), ms("2026-03-01T12:00:00Z"));
        assert_eq!(at("-7d"), ms("2026-02-22T12:00:00Z"));
        assert_eq!(at("-1h30m"), ms("2026-03-01T10:30:00Z"));
        assert_eq!(at("+15m"), ms("2026-03-01T12:15:00Z"));
        assert_eq!(at("-1mo"), ms("2026-02-01T12:00:00Z"));
        assert_eq!(at("2026-01-01"), ms("2026-01-01T00:00:00Z"));
        for text in ["7d", "-", "-x", "-7", "+9999999y", "-100y", "+8000y", "-2026-01-01"] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
