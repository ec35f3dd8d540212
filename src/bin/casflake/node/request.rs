//! A line of input, as far as it must be understood to answer it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A request that can be answered: it says who asks, whom, and by which number.
pub(crate) struct Request<'a> {
    /// Who asks, as the JSON text that stood in the line.
    pub(crate) src: &'a str,
    /// Who is asked, likewise.
    pub(crate) dest: &'a str,
    /// The number of the request, likewise.
    pub(crate) msg_id: &'a str,
    pub(crate) body: Body<'a>,
}

/// Fields stay JSON text until they are needed, so that a wrong one can be answered with an error.
#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    src: Option<&'a RawValue>,
    #[serde(borrow)]
    dest: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<Object<Body<'a>>>,
}

/// What is asked.
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
    /// `null` is a value like any other here.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) echo: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Request<'a> {
    /// Reads a line, or says why there is no one to answer.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let Object(envelope) = serde_json::from_str::<Object<Envelope<'a>>>(text).map_err(|error| {
            format!("not a message: {}", error.to_string().replace(" at line 1 column", " at column"))
        })?;
        let src = envelope.src.and_then(string).ok_or("no one to answer: \"src\" must be a string")?;
        let dest = envelope.dest.and_then(string).ok_or("no one to answer as: \"dest\" must be a string")?;
        let Some(Object(body)) = envelope.body else {
            return Err("nothing to answer: \"body\" must be an object".into());
        };
        if body.in_reply_to.is_some() {
            return Err("a reply, which has no answer".into());
        }
        let msg_id = body.msg_id.and_then(integer).ok_or("nothing to answer to: \"msg_id\" must be an integer")?;
        Ok(Self { src, dest, msg_id, body })
    }
}

impl Body<'_> {
    pub(crate) fn kind(&self) -> Option<Cow<'_, str>> {
        // Without escapes, as it nearly always is, the text stands between the quotes.
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

    /// `count`, where it is a whole number from 0 up that a `usize` holds; else the JSON text that stands in its place,
    /// if any.
    pub(crate) fn count(&self) -> Result<usize, Option<&str>> {
        let number = self.count.and_then(integer).and_then(|digits| digits.parse().ok());
        number.ok_or(self.count.map(RawValue::get))
    }
}

/// The text of a JSON string, quotes and all.
fn string(value: &RawValue) -> Option<&str> {
    Some(value.get()).filter(|text| text.starts_with('"'))
}

/// The text of a JSON number that has neither fraction nor exponent.
fn integer(value: &RawValue) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    Some(value.get()).filter(|text| digits(text.strip_prefix('-').unwrap_or(text)))
}

/// A `T` from a JSON object, where serde's own would take an array of the fields as well.
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
