//! `Part` and `Named`: the characters that a URL must not contain, and the names of these characters in errors.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Returns the URL without the white space around it, and without a byte order mark at its beginning. A file or a
/// variable that contains the URL may also contain such characters, for example a line break at the end.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').trim_end()
}

/// Returns whether a text with the character `c` can look the same as a text without this character.
pub(super) fn is_invisible(c: char) -> bool {
    let is_format = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_whitespace() || c.is_control() || is_format || c == '\u{feff}'
}

/// A character as an error text shows it, for example "a tab (U+0009)".
pub(super) struct Named(pub(super) char);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            '\0' => "a NUL",
            '\t' => "a tab",
            '\n' => "a line break",
            '\r' => "a carriage return",
            ' ' => "a blank",
            '\u{a0}' => "a no-break space",
            '\u{feff}' => "a byte order mark",
            c if c.is_whitespace() => "white space",
            c if c.is_control() => "a control character",
            c if is_invisible(c) => "an invisible character",
            c => return write!(f, "the character {c:?} (U+{:04X})", u32::from(c)),
        })?;
        write!(f, " (U+{:04X})", u32::from(self.0))
    }
}

/// A part of a URL. Each part has its own rules for characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Scheme,
    User,
    Host,
    Path,
    Query,
    Name,
}

impl Part {
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        if let Some(c) = text.chars().find(|c| is_invisible(*c)) {
            let why = format!("there is {} in {self}: remove this character", Named(c));
            return Err(if matches!(self, Self::Scheme | Self::Host | Self::Name) {
                why
            } else {
                format!("{why}, or write {} instead", utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC))
            });
        }
        if let Some(c) = text.chars().find(|c| self == Self::Host && !c.is_ascii()) {
            return Err(format!("there is {} in {self}: write the host in ASCII", Named(c)));
        }
        if self != Self::Name && !is_percent_encoded(text) {
            return Err(format!(
                "a % in {self} is not followed by two hexadecimal digits: write %25 for the character %"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the scheme",
            Self::User => "the user or password",
            Self::Host => "the host",
            Self::Path => "the path",
            Self::Query => "the query",
            Self::Name => "the name of the space",
        })
    }
}

/// Returns whether two hexadecimal digits follow each `%`.
fn is_percent_encoded(text: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    text.split('%').skip(1).all(|after| {
        let after = after.as_bytes();
        is_digit(after.first()) && is_digit(after.get(1))
    })
}
