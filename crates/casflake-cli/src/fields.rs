//! The fields of an ID, as a line of text or of JSON.

use std::fmt;

use casflake::{IdError, Layout, Parts};
use serde::Serialize;

use crate::times::rfc_3339;

/// The fields of one ID. In JSON the ID is a string, because many JSON parsers round integers above 2^53.
#[derive(Serialize)]
pub(crate) struct Fields {
    id: String,
    time: Option<String>,
    pub(crate) unix_ms: u64,
    tick: u64,
    datacenter: u64,
    worker: u64,
    sequence: u64,
}

impl Fields {
    pub(crate) fn of(layout: &Layout, id: u64) -> Result<Self, IdError> {
        let Parts { tick, datacenter, worker, sequence } = layout.decode(id)?;
        let unix_ms = layout.epoch_unix_ms() + tick * layout.tick_ms();
        Ok(Self { id: id.to_string(), time: rfc_3339(unix_ms), unix_ms, tick, datacenter, worker, sequence })
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
