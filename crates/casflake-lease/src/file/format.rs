//! The format of a store's file: a line of text with a checksum, and a line of JSON.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::identity::Mark;
use crate::protocol::{Record, Space};

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

/// The contents of the file, after they were read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) mark: Option<Mark>,
    pub(super) space: Space,
    pub(super) records: BTreeMap<u64, Record>,
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
