//! How Serde writes and reads a `Snowflake`. The default is a string in human-readable formats such as JSON, and an
//! integer in all other formats.
//!
//! JavaScript's JSON readers (and `jq`) round integers over 2^53, so a string is the safe default for JSON. To write a
//! field in the same form in human-readable and in binary formats, name the module [`string`] or [`integer`] in the
//! field's attribute `#[serde(with = "…")]`.
//!
//! # Examples
//! ```
//! use casflake::Snowflake;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order {
//!     id: Snowflake,
//!     #[serde(with = "casflake::serde_as::integer")]
//!     customer: Snowflake,
//! }
//!
//! let order = Order { id: "4194304".parse()?, customer: "8388608".parse()? };
//! let json = serde_json::to_string(&order)?;
//! assert_eq!(json, r#"{"id":"4194304","customer":8388608}"#);
//! assert_eq!(serde_json::from_str::<Order>(&json)?.id, order.id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This module is not named `serde`, because `use casflake::*` would then hide the crate `serde`.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::id::Snowflake;
use crate::scheme::Scheme;

/// Writes the ID as a string if the format is human-readable, else as an integer.
impl<S> Serialize for Snowflake<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        if serializer.is_human_readable() {
            string::serialize(self, serializer)
        } else {
            integer::serialize(self, serializer)
        }
    }
}

/// Reads the ID from a string if the format is human-readable, else from an integer. Fails if the string or the integer
/// is not an ID of the scheme `S`: for example, if a reserved bit of the number is 1.
impl<'de, S: Scheme> Deserialize<'de> for Snowflake<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            string::deserialize(deserializer)
        } else {
            integer::deserialize(deserializer)
        }
    }
}

/// Writes and reads an ID as a string of decimal digits, both in human-readable and in binary formats.
///
/// # Examples
/// ```
/// use casflake::{JsSafe, Snowflake};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order(#[serde(with = "casflake::serde_as::string")] Snowflake<JsSafe>);
///
/// assert_eq!(serde_json::to_string(&Order("4194304".parse()?))?, r#""4194304""#);
/// assert!(serde_json::from_str::<Order>("4194304").is_err(), "not a string");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod string {
    use super::{Deserializer, PhantomData, Scheme, Serializer, Snowflake, Text};

    /// Writes the ID as a string.
    ///
    /// # Errors
    /// The errors of the serializer.
    pub fn serialize<S, T: Serializer>(id: &Snowflake<S>, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.collect_str(id)
    }

    /// Reads an ID from a string.
    ///
    /// # Errors
    /// The errors of the deserializer, and an error if the string is not an ID of the scheme.
    pub fn deserialize<'de, S: Scheme, D: Deserializer<'de>>(deserializer: D) -> Result<Snowflake<S>, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// Writes and reads an ID as an integer, both in human-readable and in binary formats.
///
/// # Examples
/// ```
/// use casflake::{JsSafe, Snowflake};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order(#[serde(with = "casflake::serde_as::integer")] Snowflake<JsSafe>);
///
/// assert_eq!(serde_json::to_string(&Order("4194304".parse()?))?, "4194304");
/// let error = serde_json::from_str::<Order>("9007199254740992").map(drop).expect_err("2^53");
/// assert!(error.to_string().starts_with("ID 9007199254740992 is out of range"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod integer {
    use super::{Deserializer, Integer, PhantomData, Scheme, Serializer, Snowflake};

    /// Writes the ID as an integer.
    ///
    /// # Errors
    /// The errors of the serializer.
    pub fn serialize<S, T: Serializer>(id: &Snowflake<S>, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.serialize_u64(id.as_u64())
    }

    /// Reads an ID from an integer.
    ///
    /// # Errors
    /// The errors of the deserializer, and an error if the integer is not an ID of the scheme.
    pub fn deserialize<'de, S: Scheme, D: Deserializer<'de>>(deserializer: D) -> Result<Snowflake<S>, D::Error> {
        deserializer.deserialize_u64(Integer(PhantomData))
    }
}

struct Text<S>(PhantomData<fn() -> S>);

impl<S: Scheme> Visitor<'_> for Text<S> {
    type Value = Snowflake<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Snowflake ID as a string of decimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map_err(E::custom)
    }
}

struct Integer<S>(PhantomData<fn() -> S>);

impl<S: Scheme> Visitor<'_> for Integer<S> {
    type Value = Snowflake<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Snowflake ID as an integer")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Self::Value, E> {
        Snowflake::try_from(id).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Self::Value, E> {
        Snowflake::try_from(id).map_err(E::custom)
    }
}
