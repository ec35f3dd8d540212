//! `space_name`: checks the name of a space.

use super::text::Named;
use crate::alphabet::{ALPHABET, is_in_alphabet};
use crate::error::StoreError;

const LONGEST: usize = 128;

/// Returns `name` if `name` is a valid name of a space. Programs that set the name of a space directly, and not in a
/// URL, need this check.
pub(crate) fn space_name(name: &str) -> Result<&str, StoreError> {
    checked(name).map(|()| name).map_err(|why| StoreError::Url { why })
}

/// Refuses a name that is empty, that is longer than [`LONGEST`], or that contains a character outside of [`ALPHABET`].
/// With this alphabet two different names never look the same.
pub(super) fn checked(name: &str) -> Result<(), String> {
    if let Some(c) = name.chars().find(|c| !is_in_alphabet(*c)) {
        return Err(format!("there is {} in the name of the space: use only {ALPHABET}", Named(c)));
    }
    match name.len() {
        1..=LONGEST => Ok(()),
        length => Err(format!("the name of the space has {length} characters: use 1 to {LONGEST} characters")),
    }
}
