//! The state of the node, and the answer to each request.

use std::collections::HashSet;

use casflake::{GenerateError, IdGenerator, Layout, Scheme, Snowflake, Stats, SystemClock, Wait, WorkerIdError};
use serde_json::value::RawValue;

use super::request::Body;
use crate::ids::{Generates, Ids, LeaseArgs};
use crate::stop::{Outcome, Stop, shortened};
use crate::workers::Place;

/// The answer to a request.
pub(crate) enum Reply<'a, S> {
    Init,
    Echo(&'a RawValue),
    Generate(Snowflake<S>),
    GenerateBatch { ids: Vec<Snowflake<S>>, max_sequence: u64 },
    Stats(Box<Stats>),
    Error(Code, String),
}

/// The code of an error in a reply, as Maelstrom defines it.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    NotSupported = 10,
    TemporarilyUnavailable = 11,
    MalformedRequest = 12,
    Crash = 13,
    PreconditionFailed = 22,
}

pub(crate) struct Server<'a, S: Scheme> {
    node: Option<Node<S>>,
    max_batch: usize,
    layout: Layout,
    /// The worker that an option gives. If this is `None` and no worker is leased, the worker is the node's position in
    /// the list of nodes.
    place: Option<Place>,
    lease: &'a LeaseArgs,
    msg_ids: u64,
}

/// The state of the node, which exists only after the request `init`.
struct Node<S: Scheme> {
    id: String,
    ids: Vec<String>,
    generator: Ids<S, SystemClock>,
}

impl<'s, S: Generates> Server<'s, S> {
    pub(crate) const fn new(max_batch: usize, layout: Layout, place: Option<Place>, lease: &'s LeaseArgs) -> Self {
        Self { node: None, max_batch, layout, place, lease, msg_ids: 0 }
    }

    /// Releases the node's lease, if the node has one.
    pub(crate) fn end(self) -> Outcome {
        self.node.map_or(Ok(()), |node| node.generator.end())
    }

    /// Returns the number of the next reply, counted from 0.
    pub(crate) fn next_msg_id(&mut self) -> u64 {
        let next = self.msg_ids;
        self.msg_ids += 1;
        next
    }

    pub(crate) fn answer<'a>(&mut self, body: &Body<'a>) -> Reply<'a, S> {
        let Some(kind) = body.kind() else {
            return malformed("\"type\" must be a string");
        };
        match (kind.as_ref(), &self.node) {
            ("init", _) => self.init(body),
            ("generate", Some(node)) => match node.generator.generate() {
                Ok(id) => Reply::Generate(id),
                Err(error) => refused(error),
            },
            ("generate_batch", Some(node)) => self.generate_batch(node, body),
            ("echo", Some(_)) => match body.echo {
                Some(value) => Reply::Echo(value),
                None => malformed("\"echo\" is missing: give any value"),
            },
            ("stats", Some(node)) => Reply::Stats(Box::new(node.generator.stats())),
            ("generate" | "generate_batch" | "echo" | "stats", None) => {
                Reply::Error(Code::TemporarilyUnavailable, "the node is not initialised: send init first".into())
            }
            (kind, _) => Reply::Error(
                Code::NotSupported,
                format!("{:?} is not supported: send init, generate, generate_batch, echo or stats", shortened(kind)),
            ),
        }
    }

    fn generate_batch<'a>(&self, node: &Node<S>, body: &Body<'_>) -> Reply<'a, S> {
        let max = self.max_batch;
        match body.count() {
            Ok(count) if (1..=max).contains(&count) => match batch(&node.generator, count) {
                Ok(ids) => Reply::GenerateBatch { max_sequence: self.max_sequence(&ids), ids },
                Err(error) => refused(error),
            },
            Ok(count) => malformed(format!("count {count} is out of range: give 1 to {max}")),
            Err(Some(text)) => {
                malformed(format!("count {} is not a whole number in range: give 1 to {max}", shortened(text)))
            }
            Err(None) => malformed(format!("\"count\" is missing: give a whole number from 1 to {max}")),
        }
    }

    fn max_sequence(&self, ids: &[Snowflake<S>]) -> u64 {
        let sequence = |id: &Snowflake<S>| self.layout.decode(id.as_u64()).map_or(0, |parts| parts.sequence);
        ids.iter().map(sequence).max().unwrap_or(0)
    }

    fn init<'a>(&mut self, body: &Body<'_>) -> Reply<'a, S> {
        let (Some(id), Some(ids)) = (body.node_id(), body.node_ids()) else {
            return malformed("init needs \"node_id\", a string, and \"node_ids\", a list of strings");
        };
        if let Some(node) = &self.node {
            return if node.id == id && node.ids == ids {
                Reply::Init
            } else {
                let text =
                    format!("the node is already {:?}: start another process for another node", shortened(&node.id));
                Reply::Error(Code::PreconditionFailed, text)
            };
        }
        match worker(&self.layout, &id, &ids) {
            Ok(position) => {
                let generator = match Ids::leased(self.lease, Wait::Spin) {
                    None => match S::ids(&self.layout, self.place.unwrap_or(position), SystemClock, Wait::Spin) {
                        Ok(ids) => ids,
                        Err(Stop::Usage(why) | Stop::Failed(why)) => return Reply::Error(Code::Crash, why),
                        Err(_) => return Reply::Error(Code::Crash, "no generator was made".into()),
                    },
                    Some(Ok(leased)) => {
                        leased.report_lease();
                        leased
                    }
                    Some(Err(Stop::Usage(why) | Stop::Failed(why))) => {
                        return Reply::Error(Code::TemporarilyUnavailable, why);
                    }
                    Some(Err(_)) => return Reply::Error(Code::Crash, "no worker was leased".into()),
                };
                self.node = Some(Node { id, ids, generator });
                Reply::Init
            }
            Err(why) => malformed(why),
        }
    }
}

/// Returns a batch of `count` IDs.
fn batch<S: Scheme>(generator: &impl IdGenerator<S>, count: usize) -> Result<Vec<Snowflake<S>>, GenerateError> {
    let mut ids = vec![Snowflake::MIN; count];
    generator.fill(&mut ids).map(|()| ids).map_err(|error| error.error())
}

/// Returns the worker of the node `id`. It is the node's position in `ids`, the list of all nodes.
fn worker(layout: &Layout, id: &str, ids: &[String]) -> Result<Place, String> {
    let mut seen = HashSet::new();
    if let Some(twice) = ids.iter().find(|id| !seen.insert(*id)) {
        return Err(format!("{:?} is twice in \"node_ids\": give every node a name of its own", shortened(twice)));
    }
    let Some(position) = ids.iter().position(|other| other == id) else {
        return Err(format!(
            "{:?} is not in \"node_ids\": send the same list of all nodes to every node",
            shortened(id)
        ));
    };
    if let Err(error) = Place::of_index(layout, ids.len() as u64 - 1) {
        return Err(format!("the layout has too few workers for {} nodes: {error}", ids.len()));
    }
    Place::of_index(layout, position as u64).map_err(|error: WorkerIdError| error.to_string())
}

fn malformed<'a, S>(why: impl Into<String>) -> Reply<'a, S> {
    Reply::Error(Code::MalformedRequest, why.into())
}

fn refused<'a, S>(error: GenerateError) -> Reply<'a, S> {
    let code = if error.is_retryable() || error == GenerateError::ShutDown {
        Code::TemporarilyUnavailable
    } else {
        Code::Crash
    };
    Reply::Error(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use casflake::{GenerateError, Standard};

    use super::{Reply, refused};

    fn code(error: GenerateError) -> u32 {
        match refused::<Standard>(error) {
            Reply::Error(code, text) if text == error.to_string() => code as u32,
            _ => panic!("a refusal is an error"),
        }
    }

    #[test]
    fn a_refusal_that_time_can_cure_is_error_11_and_others_are_13() {
        let by = Duration::from_secs(1);
        assert_eq!(code(GenerateError::ClockBehind { by }), 11);
        assert_eq!(code(GenerateError::Exhausted { retry_after: by }), 11);
        assert_eq!(code(GenerateError::OutOfTicks { max_tick: 7 }), 13);
        assert_eq!(code(GenerateError::ShutDown), 11);
        assert_eq!(code(GenerateError::Closed), 13);
    }
}
