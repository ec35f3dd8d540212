//! Parses an ID that is written as a decimal, negative or hexadecimal number.

use casflake::{IdError, Layout, Mastodon, Snowflake};

/// A number of 64 bits. It is `Negative` if it was written with a minus sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Unsigned(u64),
    Negative(i64),
}

impl Number {
    /// Parses a text. If the text is not a number of 64 bits, the error says why. A text of digits only is hexadecimal
    /// if `hex` is set, and decimal if not.
    pub(crate) fn parse(text: &str, hex: bool) -> Result<Self, String> {
        let after_0x = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        if let Some(digits) = after_0x.or_else(|| (hex || is_hex_of_64_bits(text)).then_some(text)) {
            return hexadecimal(digits).map(Self::Unsigned);
        }
        let number = match text.strip_prefix('-').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit())) {
            Some(digits) => negative(digits),
            None => decimal(text).map(Self::Unsigned),
        };
        number.map_err(|error| match error {
            IdError::NotDecimal { found: Some(_) } if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                format!("{error}; if the ID is hexadecimal, add --hex or write 0x before the ID")
            }
            IdError::LeadingZeros if text.len() == 16 && !text.starts_with('-') => {
                format!("{error}; if the 16 digits are hexadecimal, add --hex or write 0x before the digits")
            }
            IdError::TooLong if text.starts_with('-') => {
                format!("the number is out of range: {} to {}", i64::MIN, u64::MAX)
            }
            error => error.to_string(),
        })
    }

    /// Returns this number as an ID of the layout. A negative number is an ID only if the layout uses all 64 bits.
    pub(crate) const fn id(self, layout: &Layout) -> Result<u64, IdError> {
        match self {
            Self::Unsigned(id) => Ok(id),
            Self::Negative(value) if layout.total_bits() < u64::BITS => Err(IdError::Negative { value }),
            Self::Negative(value) => Ok(value.cast_unsigned()),
        }
    }

    /// Returns the 64 bits of this number.
    pub(crate) const fn bits(self) -> u64 {
        match self {
            Self::Unsigned(id) => id,
            Self::Negative(value) => value.cast_unsigned(),
        }
    }
}

/// Returns whether the text can only be hexadecimal: 16 hexadecimal digits with a letter among them.
fn is_hex_of_64_bits(text: &str) -> bool {
    text.len() == 16
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn hexadecimal(digits: &str) -> Result<u64, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("not a hexadecimal number: give digits from 0 to f, after 0x or with --hex".into());
    }
    u64::from_str_radix(digits, 16).map_err(|_| format!("the number is out of range: 0x0 to {:#x}", u64::MAX))
}

fn decimal(digits: &str) -> Result<u64, IdError> {
    // The number is parsed as an ID of Mastodon. That layout uses all 64 bits, so every number fits.
    digits.parse().map(Snowflake::<Mastodon>::as_u64)
}

/// Returns the negative number whose text is a minus sign and `digits`.
fn negative(digits: &str) -> Result<Number, IdError> {
    let after_the_sign = |error| match error {
        IdError::NotDecimal { found: Some((at, found)) } => IdError::NotDecimal { found: Some((at + 1, found)) },
        error => error,
    };
    match decimal(digits).map_err(after_the_sign)? {
        // "-0" is refused, because an ID has only one decimal text.
        0 => Err(IdError::NotDecimal { found: Some((0, '-')) }),
        number => 0_i64.checked_sub_unsigned(number).map(Number::Negative).ok_or(IdError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use casflake::{IdError, JsSafe, Mastodon, Scheme, Snowflake};
    use proptest::prelude::*;

    use super::Number;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_form_of_an_id_is_read(id in any::<u64>(), shift in 0..64_u32) {
            let id = id >> shift;
            let signed = Snowflake::<Mastodon>::try_from(id).unwrap().as_i64().to_string();
            for text in [id.to_string(), format!("{id:#x}"), format!("{id:#018X}").replace("0X", "0x"), signed] {
                let number = Number::parse(&text, false);
                prop_assert_eq!(number.map(|number| number.id(&Mastodon::LAYOUT)), Ok(Ok(id)));
            }
            let bare = format!("{id:016x}");
            if bare.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                prop_assert_eq!(Number::parse(&bare, false), Ok(Number::Unsigned(id)));
            }
            prop_assert_eq!(Number::parse(&format!("{id:x}"), true), Ok(Number::Unsigned(id)));
        }
    }

    #[test]
    fn digits_alone_are_decimal_however_many_there_are() {
        assert_eq!(Number::parse("1111222233334444", false), Ok(Number::Unsigned(1_111_222_233_334_444)));
        assert_eq!(Number::parse("1111222233334444", true), Ok(Number::Unsigned(0x1111_2222_3333_4444)));
        for text in ["027138d0d27138d", "0027138d0d27138d0", "abc", "0271380012713800"] {
            assert!(Number::parse(text, false).is_err_and(|why| why.contains("--hex")), "{text}");
        }
        // Most likely decimal, and a negative number is never hexadecimal.
        for text in ["007", "-012345678901234"] {
            assert!(Number::parse(text, false).is_err_and(|why| !why.contains("--hex")), "{text}");
        }
    }

    #[test]
    fn a_negative_number_is_only_an_id_of_64_bits() {
        let least = Number::parse("-9223372036854775808", false).unwrap();
        assert_eq!(least, Number::Negative(i64::MIN));
        assert_eq!(least.id(&Mastodon::LAYOUT), Ok(1 << 63));
        assert_eq!(least.id(&JsSafe::LAYOUT), Err(IdError::Negative { value: i64::MIN }));
        for text in ["-0", "-07", "-", "--1", "-+1", "-x", "-1x", "-9223372036854775809", "-18446744073709551616"] {
            assert!(Number::parse(text, false).is_err(), "{text}");
        }
        assert!(Number::parse("-1x", false).is_err_and(|why| why.contains("'x' at byte 2")));
        let below = Number::parse("-9223372036854775809", false).unwrap_err();
        assert_eq!(below, "the number is out of range: -9223372036854775808 to 18446744073709551615");
    }
}
