//! The format of a store's file: a line of text with a checksum, and a line of JSON.

use std::collections::BTreeMap;
use std::io;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::identity::Mark;
use crate::protocol::{Record, Space};
use crate::token::Token;

/// If the file of a store is a copy, the incarnation of the store begins with this text. The incarnation is a text that
/// identifies the store. It changes when the store may have lost data.
pub(super) const COPY: &str = "a copy of ";

/// The first characters of the file. The checksum of the JSON follows them.
const HEADER: &str = "casflake leases 1 ";

/// The contents of the file, borrowed in order to write them.
#[derive(Serialize)]
pub(super) struct StoredRef<'a> {
    /// The mark of the file itself. `None` if the system has no marks, or if the file counts as a copy.
    pub(super) mark: Option<Mark>,
    pub(super) space: &'a Space,
    pub(super) records: &'a BTreeMap<u64, Record>,
}

/// The contents of the file, after they were read. An unknown field is refused at every level: a later version that
/// has written such a field would lose it with the next change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) mark: Option<Mark>,
    #[serde(with = "SpaceFields")]
    pub(super) space: Space,
    #[serde(deserialize_with = "records")]
    pub(super) records: BTreeMap<u64, Record>,
}

/// The fields of a [`Space`] in the file. The type itself also accepts other fields, because a row of PostgreSQL has a
/// column more.
#[derive(Deserialize)]
#[serde(remote = "Space", deny_unknown_fields)]
struct SpaceFields {
    version: u64,
    layout: String,
    workers: u64,
    granted: u64,
    floor: u64,
    incarnation: String,
}

/// The fields of a [`Record`] in the file.
#[derive(Deserialize)]
#[serde(remote = "Record", deny_unknown_fields)]
struct RecordFields {
    from: u64,
    until: u64,
    counter: u64,
    token: Option<Token>,
    owner: String,
}

/// Reads the records. Fails if the window of a record ends before it begins.
fn records<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u64, Record>, D::Error> {
    #[derive(Deserialize)]
    struct Strict(#[serde(with = "RecordFields")] Record);

    let records = BTreeMap::<u64, Strict>::deserialize(deserializer)?;
    if let Some((worker, _)) = records.iter().find(|(_, Strict(record))| record.from > record.until) {
        return Err(D::Error::custom(format!("the window of worker {worker} ends before it begins")));
    }
    Ok(records.into_iter().map(|(worker, Strict(record))| (worker, record)).collect())
}

pub(super) fn encode(stored: &StoredRef<'_>) -> io::Result<String> {
    let json = serde_json::to_string(stored)?;
    Ok(format!("{HEADER}{:016x}\n{json}\n", checksum(json.as_bytes())))
}

pub(super) fn decode(text: &str) -> Result<Stored, String> {
    let Some(rest) = text.strip_prefix(HEADER) else {
        return Err(if text.is_empty() {
            "the file is empty".into()
        } else {
            format!("the file does not begin with {HEADER:?}")
        });
    };
    let whole = rest.strip_suffix('\n').and_then(|rest| rest.split_once('\n'));
    let Some((sum, json)) = whole else { return Err("the file is cut off".into()) };
    if sum != format!("{:016x}", checksum(json.as_bytes())) {
        return Err("the checksum does not match the content".into());
    }
    serde_json::from_str(json).map_err(|error| format!("the content of the file is not valid: {error}"))
}

/// Returns the 64-bit FNV-1a hash: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the incarnation of a store whose file was replaced by a copy. Two copies have different incarnations. One
/// copy has the same incarnation each time that it is read.
pub(super) fn copied(mark: Option<Mark>, text: &str) -> String {
    let made = mark.map(|Mark { inode, created_nanos }| (inode, created_nanos.unwrap_or(0))).unwrap_or_default();
    format!("{COPY}{:016x}, inode {}, made at {} ns", checksum(text.as_bytes()), made.0, made.1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{HEADER, checksum, decode};

    fn decoded(stored: &Value) -> Result<(), String> {
        let json = stored.to_string();
        decode(&format!("{HEADER}{:016x}\n{json}\n", checksum(json.as_bytes()))).map(drop)
    }

    /// The contents as every version so far has written them.
    fn stored() -> Value {
        let space = json!({"version": 2, "layout": "l", "workers": 2, "granted": 1, "floor": 5, "incarnation": "i"});
        let record = json!({"from": 5, "until": 9, "counter": 1, "token": null, "owner": "web-1"});
        json!({"mark": {"inode": 3, "created_nanos": null}, "space": space, "records": {"0": record}})
    }

    /// Would catch: a process that drops the field of a later version from the file, without a word.
    #[test]
    fn an_unknown_field_is_refused_wherever_it_is() {
        assert_eq!(decoded(&stored()), Ok(()));
        for place in ["", "/mark", "/space", "/records/0"] {
            let mut newer = stored();
            newer.pointer_mut(place).and_then(Value::as_object_mut).unwrap().insert("region".into(), json!(1));
            let refused = decoded(&newer).unwrap_err();
            assert!(refused.contains("unknown field `region`"), "{place}: {refused}");
        }
    }

    #[test]
    fn a_record_whose_window_ends_before_it_begins_is_refused() {
        let mut reversed = stored();
        reversed["records"]["0"]["from"] = json!(10);
        let refused = decoded(&reversed).unwrap_err();
        assert!(refused.contains("the window of worker 0 ends before it begins"), "{refused}");
    }
}
