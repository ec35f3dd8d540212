//! Compares each reply with the promise, to the byte if it can be known.

use serde_json::Value;

use super::json;
use super::model::{Answer, Kind};

/// The totals of the replies so far.
#[derive(Default)]
pub(super) struct Replies {
    /// The number of replies: the next one's `msg_id`.
    pub(super) count: u64,
    /// The number of errors among them.
    pub(super) errors: u64,
    /// The number of IDs in them.
    ids: u64,
    last_id: Option<u64>,
}

impl Replies {
    /// Checks one more reply.
    pub(super) fn check(&mut self, reply: &str, answer: &Answer) {
        let Answer { src, dest, msg_id, kind } = answer;
        let name = match kind {
            Kind::Init => "init_ok",
            Kind::Generate => "generate_ok",
            Kind::Batch(_) => "generate_batch_ok",
            Kind::Echo(_) => "echo_ok",
            Kind::Stats => "stats_ok",
            Kind::Error(_) => "error",
        };
        let head = format!(r#"{{"src": {dest}, "dest": {src}, "body": {{"type": "{name}", "in_reply_to": {msg_id}, "#);
        let tail = format!(r#""msg_id": {}}}}}"#, self.count);
        let payload = reply.strip_prefix(&head).and_then(|rest| rest.strip_suffix(&tail));
        let payload = payload.unwrap_or_else(|| panic!("{head}…{tail} was promised"));
        match kind {
            Kind::Init => assert_eq!(payload, ""),
            Kind::Echo(value) => assert!(payload == format!(r#""echo": {value}, "#), "{value} was promised"),
            Kind::Generate => {
                let id = between(payload, r#""id": "#, ", ").parse().expect("an ID");
                self.see(id);
            }
            Kind::Batch(count) => self.check_batch(payload, *count),
            Kind::Stats => self.check_stats(payload),
            Kind::Error(code) => {
                self.errors += 1;
                let text = between(payload, &format!(r#""code": {code}, "text": "#), ", ");
                let text: String = serde_json::from_str(text).expect("a string");
                // The text names the error, but never repeats a long value in full.
                assert!((1..2000).contains(&text.len()), "{text}");
            }
        }
        assert!(json::tokens(reply).is_some(), "one JSON value");
        self.count += 1;
    }

    fn check_batch(&mut self, payload: &str, count: u64) {
        let (ids, max_sequence) = between(payload, r#""ids": ["#, ", ").split_once(r#"], "max_sequence": "#).unwrap();
        let ids: Vec<u64> = ids.split(", ").map(|id| id.parse().expect("an ID")).collect();
        assert_eq!(ids.len() as u64, count);
        assert_eq!(ids.iter().map(|id| id & 0xfff).max().map(|max| max.to_string()).as_deref(), Some(max_sequence));
        ids.into_iter().for_each(|id| self.see(id));
    }

    fn check_stats(&self, payload: &str) {
        let fields: Value = serde_json::from_str(&format!("{{{}}}", between(payload, "", ", "))).expect("fields");
        let keys = [
            "ids",
            "ticks",
            "last_tick",
            "tick_max_sequence",
            "max_sequence",
            "ids_per_tick",
            "overflow_waits",
            "overflow_wait_us",
            "cas_retries",
            "clock_behind",
        ];
        let form = |value: &Value| value.to_string().replace(',', ", ");
        let expected: String = keys.iter().map(|key| format!(r#""{key}": {}, "#, form(&fields[key]))).collect();
        assert_eq!(payload, expected);
        assert_eq!(fields["ids"], self.ids, "as many as the replies held");
    }

    fn see(&mut self, id: u64) {
        assert!(self.last_id < Some(id), "{id} after {:?}", self.last_id);
        self.last_id = Some(id);
        self.ids += 1;
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let inner = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    inner.unwrap_or_else(|| panic!("{before}…{after} was promised"))
}
