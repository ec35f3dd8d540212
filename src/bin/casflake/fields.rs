//! An ID taken apart, as a line of text or of JSON.

use std::fmt;

use casflake::{IdError, Layout, Parts};
use jiff::Timestamp;
use serde::Serialize;

/// One ID's fields. The ID is a string in JSON, because many readers of JSON round integers over 2^53.
#[derive(Serialize)]
pub(crate) struct Fields {
    id: String,
    /// RFC 3339 in UTC; `None` from the last day of the year 9999 on: that format has four digits for it.
    time: Option<String>,
    unix_ms: u64,
    tick: u64,
    datacenter: u64,
    worker: u64,
    sequence: u64,
}

impl Fields {
    pub(crate) fn of(layout: &Layout, id: u64) -> Result<Self, IdError> {
        let Parts { tick, datacenter, worker, sequence } = layout.decode(id)?;
        let unix_ms = layout.epoch() + tick * layout.tick_length();
        let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = time.map(|time| format!("{time:.3}"));
        Ok(Self { id: id.to_string(), time, unix_ms, tick, datacenter, worker, sequence })
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, time, unix_ms, datacenter, worker, sequence, .. } = self;
        match time {
            Some(time) => write!(f, "{id}  {time}")?,
            None => write!(f, "{id}  {unix_ms} ms after 1970")?,
        }
        write!(f, "  datacenter {datacenter}  worker {worker}  sequence {sequence}")
    }
}
