//! The alphabet of a space's name.

/// The alphabet, as error texts describe it.
#[cfg(feature = "_server")]
pub(crate) const ALPHABET: &str = "ASCII letters, digits and - . _ ~ / :";

/// Returns whether the name of a space may contain this character.
pub(crate) fn is_in_alphabet(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~/:".contains(c)
}
