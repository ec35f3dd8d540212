//! `Token`: the proof that a process holds a lease.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The proof that a process holds a lease: 128 random bits. The holder draws these bits, and only the holder and the
/// store know them.
///
/// The text of a token is 32 hexadecimal digits, in lower case.
///
/// # Examples
/// ```
/// use casflake_lease::Token;
///
/// let token = Token::random()?;
/// assert_eq!(token.to_string().parse(), Ok(token));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Token(u128);

#[cfg(feature = "_simulation")]
thread_local! {
    /// The source of the random numbers of this thread, if a simulation imagines it.
    static IMAGINED: std::cell::Cell<Option<fn() -> u128>> = const { std::cell::Cell::new(None) };
}

/// Draws the tokens of this thread from `draw` instead of the system; from the system again if `draw` is `None`.
#[cfg(feature = "_simulation")]
pub fn imagine_tokens(draw: Option<fn() -> u128>) {
    IMAGINED.set(draw);
}

impl Token {
    /// Creates a token from the system's source of random numbers.
    ///
    /// # Errors
    /// Fails if the source of random numbers fails.
    pub fn random() -> std::io::Result<Self> {
        #[cfg(feature = "_simulation")]
        if let Some(draw) = IMAGINED.get() {
            return Ok(Self(draw()));
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_le_bytes(bytes)))
    }

    #[cfg(any(test, feature = "_protocol"))]
    #[doc(hidden)]
    #[must_use]
    pub const fn numbered(number: u128) -> Self {
        Self(number)
    }

    /// Returns this token with its bits rotated. Two different values of `by` from 0 to 127 rotate the bits by
    /// different distances.
    pub(crate) const fn rotated(self, by: u32) -> Self {
        Self(self.0.rotate_right(by * 13))
    }

    /// Picks a number in `0..count` that depends on the token's bits, so that different tokens tend to pick different
    /// numbers. Returns 0 if `count` is 0.
    #[doc(hidden)]
    #[must_use]
    pub fn pick(self, count: usize) -> usize {
        // The remainder is less than `count`, so it fits a `usize`.
        self.0.checked_rem(count as u128).and_then(|picked| usize::try_from(picked).ok()).unwrap_or(0)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Shows only a part of the token, because a reader of a log could renew the lease with the whole token.
        write!(f, "Token({:08x}…)", self.0 >> 96)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        format!("{token}")
    }
}

/// The error for a text that is not a [`Token`].
///
/// # Examples
/// ```
/// use casflake_lease::{Token, TokenError};
///
/// assert_eq!("0123".parse::<Token>(), Err(TokenError));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError;

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a token: give 32 hexadecimal digits, in lower case")
    }
}

impl std::error::Error for TokenError {}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if text.len() != 32 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(TokenError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| TokenError)
    }
}

impl TryFrom<String> for Token {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {

    use super::{Token, TokenError};

    #[test]
    fn a_token_parses_from_its_text_and_other_texts_are_refused() {
        for token in [Token::numbered(0), Token::numbered(u128::MAX), Token::random().unwrap()] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        for text in ["", "0", "+0000000000000000000000000000001", "0000000000000000000000000000000G"] {
            assert_eq!(text.parse::<Token>(), Err(TokenError), "{text}");
        }
    }

    #[test]
    fn a_token_picks_a_number_below_the_count() {
        for number in 0..100 {
            let token = Token::numbered(number << 64 | number);
            assert_eq!(token.pick(0), 0);
            assert!((1..10).all(|count| token.rotated(7).pick(count) < count));
        }
    }
}
