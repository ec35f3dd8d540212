//! `casflake leases`: lists the leases of a store, takes workers from their holders, and creates ID spaces.

mod ask;
mod list;

use std::io::{self, Write};

use ask::{confirm, have_all_ended, whereabouts};
use casflake::Layout;
use casflake_lease::{CLOCK_SLACK, LeaseAdmin, MAX_TTL, MAX_WORKERS, StoreError, SurveyedSpace, from_url};
use clap::Subcommand;
use list::{list, printable};

use crate::layouts::LayoutArgs;
use crate::numbers::{counted, whole};
use crate::stop::{Outcome, Stop, causes, report};
use crate::workers::Place;

/// The number of workers of a new ID space if `--workers` is not given. If the layout allows fewer workers, the ID
/// space has as many as the layout allows.
const WORKERS: u64 = 1024;

const LOST: &str = "the ID space has lost its own record: init, or the next request for a worker, restores it; leases \
                    are granted 150 s after that";

/// List the leases of a store: the workers, their holders, their windows and the time left in each window
///
/// The exit code is 1 if the store grants nothing for one of these reasons: the store is a copy of another store, the
/// store has lost the ID space's layout and number of workers, or the store's clock reads a time outside the layout's
/// ticks.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The store: file:/DIR, postgres://…, redis://… or etcd://… (with TLS: rediss://…, etcds://…). #NAME at the end
    /// chooses one of several ID spaces of a server
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Print one JSON object per line: first {"space": {"name", "layout", "workers", "taken", "grants_in_ms",
    /// "clock_behind_ms", "is_copy"}}, then one object for each worker that has a record in the store. With a
    /// subcommand, print the state after the subcommand
    ///
    /// "grants_in_ms" is 0 if the ID space grants leases now. It is null if no duration can be given, because the store
    /// is a copy or because the store's clock is behind a tick that is recorded in the store. If the clock is behind,
    /// "clock_behind_ms" says by how much.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// List the leases, as without a subcommand
    List,
    /// Take a worker from its holder, so that the worker is free immediately
    ///
    /// First make sure that the holder has ended. If the holder still runs, the worker's next holder can issue the same
    /// IDs as this holder. If the holder's generator may issue IDs of ticks ahead of the clock (max_lead), the holder
    /// must have ended at least a second ago.
    Reclaim {
        /// The worker: its index as listed, such as 37, or datacenter/worker, such as 1/5
        worker: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Create the ID space, which grants no lease for the first 150 s. An existing ID space is left as it is
    ///
    /// Run this command once for each new ID space, by hand or in a job.
    Init {
        /// The number of workers. The default for a new ID space is 1024, or fewer if the layout allows only fewer
        #[arg(long, value_parser = whole::<u64>(1..=MAX_WORKERS))]
        workers: Option<u64>,
        /// Grant leases immediately, even if the store has lost data. By giving this option you confirm that every
        /// process that held a lease of the ID space has ended. Only if the store has lost no data and is not a copy,
        /// the holders that it lists may still run
        ///
        /// With this option, --workers also sets the number of workers of an existing ID space. If a process still runs
        /// and the store has lost its lease, or a renewal of its lease, other processes can issue the same IDs as that
        /// process. The same can happen if the ID space is also in use in another place, as a copy or as the original.
        /// If the store has lost data, its clock must also have passed the ticks of all IDs: wait for a second if
        /// generators may issue IDs of ticks ahead of the clock (max_lead), and for longer if the clock has moved back.
        #[arg(long, alias = "at-once")]
        immediately: bool,
        /// Create the ID space even if the store has other ID spaces
        #[arg(long)]
        beside: bool,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(args: &Args) -> Outcome {
    let url = &*args.url;
    let mut store = from_url(url).map_err(Stop::usage)?;
    store.notes().iter().for_each(report);
    let layout = args.layout.layout()?;
    let done = match &args.action {
        None | Some(Action::List) => None,
        Some(Action::Reclaim { worker, yes }) => {
            let index = Place::parse(&layout, worker).map_err(Stop::usage)?.index(&layout);
            Some(reclaim(&mut *store, &layout, url, index, *yes)?)
        }
        Some(Action::Init { workers, immediately, beside, yes }) => {
            let (workers, immediately, beside, yes) = (*workers, *immediately, *beside, *yes);
            Some(init(&mut *store, &layout, &Init { url, workers, immediately, beside, yes })?)
        }
    };
    match done {
        Some(done) if !args.json => Ok(writeln!(io::stdout(), "{done}")?),
        _ => list(&mut *store, &layout, url, args.json),
    }
}

fn reclaim(store: &mut dyn LeaseAdmin, layout: &Layout, url: &str, worker: u64, yes: bool) -> Result<String, Stop> {
    let ask = |store: &mut dyn LeaseAdmin| {
        let owner = store.survey().ok().and_then(|survey| {
            survey.workers.into_iter().find(|surveyed| surveyed.worker == worker).and_then(|surveyed| surveyed.owner)
        });
        let holder = owner.map_or_else(|| "its holder".into(), |owner| printable(&owner));
        format!("Has {holder} ended for good? If so, worker {worker} of the {} is freed.", whereabouts(url))
    };
    confirm(yes, || ask(store))?;
    store.reclaim(layout, worker).map_err(|error| refused(&error))?;
    Ok(format!("worker {worker} is free"))
}

struct Init<'a> {
    url: &'a str,
    workers: Option<u64>,
    immediately: bool,
    beside: bool,
    yes: bool,
}

/// Creates the ID space, or makes it grant leases immediately. Returns a line that says what was done.
fn init(store: &mut dyn LeaseAdmin, layout: &Layout, asked: &Init<'_>) -> Result<String, Stop> {
    let survey = match store.survey() {
        Ok(survey) => Some(survey),
        Err(StoreError::NoSpace { .. }) if asked.beside => None,
        Err(StoreError::NoSpace { .. }) => {
            has_no_others(store)?;
            None
        }
        Err(error) => return Err(refused(&error)),
    };
    let found = survey.as_ref().and_then(|survey| survey.space.as_ref());
    let workers = asked.workers.unwrap_or_else(|| {
        let all = (layout.max_datacenter() + 1).saturating_mul(layout.max_worker() + 1);
        found.map_or(all.min(WORKERS), |space| space.workers)
    });
    if asked.immediately {
        confirm(asked.yes, || have_all_ended(survey.as_ref(), layout, asked.url))?;
        store.init_immediately(layout, workers).map_err(|error| refused(&error))?;
        let space = whereabouts(asked.url);
        let granted = counted(workers, "worker");
        return Ok(if survey.is_some() {
            format!("the {space} grants {granted}")
        } else {
            format!("created the {space}: it grants {granted}")
        });
    }
    if store.init(layout, workers).map_err(|error| refused(&error))? {
        let (space, after) = (whereabouts(asked.url), (MAX_TTL + CLOCK_SLACK).as_secs());
        return Ok(format!("created the {space} with {}: it grants leases in {after} s", counted(workers, "worker")));
    }
    left_as_it_is(store, layout, asked.workers)
}

/// Fails if the store has ID spaces with other names than the name in the URL, or if the store can't list its ID
/// spaces. The name in the URL may be misspelt, and a misspelt name must not become a second ID space.
fn has_no_others(store: &mut dyn LeaseAdmin) -> Outcome {
    let remedy = "to create another one, add --beside";
    let others = store.others().map_err(|error| Stop::failed(format_args!("{}; {remedy}", causes(&error))))?;
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = others.iter().map(|name| format!("{name:?}")).collect();
    Err(Stop::failed(format_args!(
        "the store already has the ID space {}: if that is the one you mean, correct the URL; {remedy}",
        names.join(" and ")
    )))
}

/// Returns a line that describes an ID space that existed already and was not changed.
fn left_as_it_is(store: &mut dyn LeaseAdmin, layout: &Layout, workers: Option<u64>) -> Result<String, Stop> {
    let Some(space) = store.survey().map_err(|error| refused(&error))?.space else { return Err(Stop::failed(LOST)) };
    is_of(&space, layout)?;
    let has = counted(space.workers, "worker");
    if workers.is_some_and(|workers| workers != space.workers) {
        return Err(Stop::failed(format_args!(
            "the ID space exists, with {has}: to change their number, add --immediately"
        )));
    }
    Ok(format!("the ID space exists, with {has}: nothing was changed"))
}

fn is_of(space: &SurveyedSpace, layout: &Layout) -> Outcome {
    if space.is_of(layout) {
        return Ok(());
    }
    let stored = printable(&space.layout);
    Err(Stop::usage(format_args!(
        "the leases are for the layout {stored}: give that --layout, or its --bits, --epoch, --tick and --order"
    )))
}

fn refused(error: &StoreError) -> Stop {
    Stop::because(error)
}
