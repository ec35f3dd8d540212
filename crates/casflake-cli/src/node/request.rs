//! Parses a line of input, but only as far as the answer requires.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A request that can be answered: it has a sender, a recipient and a number.
pub(crate) struct Request<'a> {
    /// The sender, as the JSON text that the line contains.
    pub(crate) src: &'a str,
    /// The recipient, as the JSON text that the line contains.
    pub(crate) dest: &'a str,
    /// The number of the request, as the JSON text that the line contains.
    pub(crate) msg_id: &'a str,
    pub(crate) body: Body<'a>,
}

/// The outer object of a message. Each field stays JSON text until it is needed, so that a request with a wrong field
/// can be answered with an error.
#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    src: Option<&'a RawValue>,
    #[serde(borrow)]
    dest: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<Object<Body<'a>>>,
}

/// The contents of a request.
#[derive(serde::Deserialize)]
pub(crate) struct Body<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow)]
    in_reply_to: Option<&'a RawValue>,
    #[serde(borrow)]
    node_id: Option<&'a RawValue>,
    #[serde(borrow)]
    node_ids: Option<&'a RawValue>,
    #[serde(borrow)]
    count: Option<&'a RawValue>,
    /// `None` only if the field is missing. The JSON value `null` is `Some`, because it is echoed like any other value.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) echo: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Request<'a> {
    /// Parses a line. If the line can't be answered, the error says why.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let Object(envelope) = serde_json::from_str::<Object<Envelope<'a>>>(text).map_err(|error| {
            format!("not a message: {}", error.to_string().replace(" at line 1 column", " at column"))
        })?;
        let src = envelope.src.and_then(string).ok_or("can't be answered: \"src\" must be a string")?;
        let dest = envelope.dest.and_then(string).ok_or("can't be answered: \"dest\" must be a string")?;
        let Some(Object(body)) = envelope.body else {
            return Err("can't be answered: \"body\" must be an object".into());
        };
        if body.in_reply_to.is_some() {
            return Err("a reply, which is not answered".into());
        }
        let msg_id = body.msg_id.and_then(integer).ok_or("can't be answered: \"msg_id\" must be an integer")?;
        Ok(Self { src, dest, msg_id, body })
    }
}

impl Body<'_> {
    pub(crate) fn kind(&self) -> Option<Cow<'_, str>> {
        // The text nearly always has no escapes. Then the value is the part of the text between the quotes.
        let text = string(self.kind?)?;
        let plain = text.strip_prefix('"')?.strip_suffix('"')?;
        if plain.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(plain)) }
    }

    pub(crate) fn node_id(&self) -> Option<String> {
        serde_json::from_str(self.node_id?.get()).ok()
    }

    pub(crate) fn node_ids(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.node_ids?.get()).ok()
    }

    /// Returns the field `count`, if its value is a whole number that fits a `usize`.
    ///
    /// # Errors
    /// If the field has another value, the error is `Some` with the JSON text of that value. If the field is missing or
    /// `null`, the error is `None`.
    pub(crate) fn count(&self) -> Result<usize, Option<&str>> {
        let number = self.count.and_then(integer).and_then(|digits| digits.parse().ok());
        number.ok_or(self.count.map(RawValue::get))
    }
}

/// Returns the JSON text of `value`, with the quotes, or `None` if `value` is not a string.
fn string(value: &RawValue) -> Option<&str> {
    Some(value.get()).filter(|text| text.starts_with('"'))
}

/// Returns the JSON text of `value` if `value` is a number that has neither a fraction nor an exponent. Otherwise
/// returns `None`.
fn integer(value: &RawValue) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    Some(value.get()).filter(|text| digits(text.strip_prefix('-').unwrap_or(text)))
}

/// A `T` that can be parsed from a JSON object, and from nothing else. The implementation that serde derives would also
/// accept a JSON array of the values of the fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::Value;

    use super::Request;

    const MESSAGE: &str =
        r#"{"src":"c\u0031","dest":"n1","body":{"type":"init","msg_id":-7,"node_ids":["n1"],"count":3}}"#;

    const PIECES: &str = r#"{ } [ ] , : " \ \u \ud800 - 0 9 . null "src" "src": "dest":"n1" "body":{ "type":"echo" "echo":[]
        "msg_id":1 "msg_id":1e2 "in_reply_to":null"#;

    /// Generates a message with some bytes replaced or missing, or pieces of a message in any order, or arbitrary
    /// bytes.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let damages = prop::collection::vec((any::<Index>(), prop::option::of(any::<u8>())), 0..3);
        let damaged = damages.prop_map(|damages| {
            let mut line = MESSAGE.as_bytes().to_vec();
            for (at, byte) in damages {
                let at = at.index(line.len());
                line.splice(at..=at, byte);
            }
            line
        });
        let piece = select(PIECES.split_whitespace().collect::<Vec<_>>());
        prop_oneof![
            damaged,
            prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..200),
        ]
    }

    #[test]
    fn an_array_is_refused_because_an_object_is_expected() {
        let refused = Request::parse(b"[]").err();
        assert!(refused.as_ref().is_some_and(|why| why.contains("expected an object at column")), "{refused:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_line_is_a_request_or_is_refused_with_a_reason(line in line()) {
            match Request::parse(&line) {
                Ok(Request { src, dest, msg_id, body }) => {
                    prop_assert!(src.starts_with('"') && src.ends_with('"'), "{}", src);
                    prop_assert!(dest.starts_with('"') && dest.ends_with('"'), "{}", dest);
                    prop_assert!(msg_id.parse::<i128>().is_ok(), "{}", msg_id);
                    let found = (body.kind(), body.node_id(), body.node_ids(), body.count().ok());
                    // If serde_json parses the line as a value, the value must have the same fields as the request.
                    if let Ok(value) = serde_json::from_slice::<Value>(&line) {
                        let body = &value["body"];
                        let names = |list: &Vec<Value>| list.iter().map(|name| Some(name.as_str()?.to_owned())).collect();
                        prop_assert_eq!(found.0.as_deref(), body["type"].as_str());
                        prop_assert_eq!(found.1.as_deref(), body["node_id"].as_str());
                        prop_assert_eq!(found.2, body["node_ids"].as_array().and_then(names));
                        prop_assert_eq!(found.3.map(|count| count as u64), body["count"].as_u64());
                    }
                }
                Err(why) => prop_assert!(!why.is_empty() && !why.contains('\n'), "{}", why),
            }
        }
    }
}
