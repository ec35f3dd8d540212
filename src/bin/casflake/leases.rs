//! `casflake leases`: what a store of leases holds, and what only an operator may do to it.

use std::io::{self, BufRead, IsTerminal, Write};

use casflake::Layout;
use casflake::lease::{
    CLOCK_SLACK, LeaseAdmin, MAX_TTL, MAX_WORKERS, StoreError, Survey, SurveyedSpace, SurveyedWorker, open,
};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::layouts::LayoutArgs;
use crate::numbers::whole;
use crate::stop::{Outcome, Stop, causes};

/// How many workers a new space has, if its layout has as many.
const WORKERS: u64 = 1024;

const LOST: &str = "the ID space has lost its own record: init, or the next request for a worker, restores it, and it \
                    grants again 150 s later";

/// List the leases of a store: workers, who holds them, their windows, and how long those last
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_conflicts_with_subcommands = false)]
pub(crate) struct Args {
    /// The store: file:/DIR, postgres://…, redis://… or etcd://…; #NAME at the end chooses one of several ID spaces of a
    /// server
    #[arg(long, value_name = "URL")]
    lease: String,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Print an object a line
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Take a worker from whoever holds it, and free it at once
    ///
    /// If its holder still runs, the next one can issue the same IDs: make sure that it does not.
    Release {
        /// The worker's index, as listed
        #[arg(value_parser = whole::<u64>(0..=u64::MAX))]
        worker: u64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Create the ID space, which grants after 150 s; one that exists is left as it is
    ///
    /// Once for each new space, by an operator or a job.
    Init {
        /// How many workers there are: 1024 unless the layout has fewer
        #[arg(long, value_parser = whole::<u64>(1..=MAX_WORKERS))]
        workers: Option<u64>,
        /// Grant immediately, also where something was lost: every process that held a lease of the space has ended
        ///
        /// Sets the number of workers of a space that exists, too. If a process that held a lease still runs, others can
        /// issue the same IDs.
        #[arg(long)]
        at_once: bool,
        /// Create it although the store has other ID spaces
        #[arg(long)]
        beside: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut store = open(&args.lease).map_err(Stop::usage)?;
    let layout = args.layout.layout()?;
    match args.action {
        None => list(&mut *store, &layout, args.json),
        Some(Action::Release { worker, yes }) => {
            confirm(yes, &format!("Free worker {worker}, whose holder does not run any more"))?;
            done(store.reclaim(&layout, worker), &format!("worker {worker} is free"))
        }
        Some(Action::Init { workers, at_once, beside, yes }) => {
            // What comes after it has been looked at: the URL is one.
            let space = args.lease.trim().split_once('#').map_or("", |(_, space)| space);
            init(&mut *store, &layout, &Init { space, workers, at_once, beside, yes })
        }
    }
}

struct Init<'a> {
    /// Its name, if the URL has one.
    space: &'a str,
    workers: Option<u64>,
    at_once: bool,
    beside: bool,
    yes: bool,
}

fn init(store: &mut dyn LeaseAdmin, layout: &Layout, asked: &Init<'_>) -> Outcome {
    let found = match store.survey() {
        Ok(survey) => survey.space,
        Err(StoreError::NoSpace { .. }) if asked.beside => None,
        Err(StoreError::NoSpace { .. }) => {
            has_no_others(store)?;
            None
        }
        Err(error) => return Err(refused(&error)),
    };
    let workers = asked.workers.unwrap_or_else(|| {
        let all = (layout.max_datacenter() + 1).saturating_mul(layout.max_worker() + 1);
        found.as_ref().map_or(all.min(WORKERS), |space| space.workers)
    });
    if asked.at_once {
        let named = if asked.space.is_empty() { String::new() } else { format!(" {:?}", asked.space) };
        confirm(
            asked.yes,
            &format!(
                "Has every process that held a lease of the ID space{named} ended, for good, and is no copy of it in use"
            ),
        )?;
        return done(store.initialise(layout, workers), &format!("the ID space grants {workers} workers"));
    }
    if store.create(layout, workers).map_err(|error| refused(&error))? {
        let after = (MAX_TTL + CLOCK_SLACK).as_secs();
        return Ok(writeln!(io::stdout(), "the ID space grants {workers} workers in {after} s")?);
    }
    left_as_it_is(store, layout, asked.workers)
}

/// A name that is misspelt must not become a second ID space beside the one that is meant.
fn has_no_others(store: &mut dyn LeaseAdmin) -> Outcome {
    let what = "to create an ID space beside others give --beside";
    let others = store.others().map_err(|error| Stop::failed(format_args!("{}; {what}", causes(&error))))?;
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = others.iter().map(|name| format!("{name:?}")).collect();
    Err(Stop::failed(format_args!("the store has {}: if one of these is meant mend the URL; {what}", names.join(", "))))
}

/// Says what there is in place of what was to be created.
fn left_as_it_is(store: &mut dyn LeaseAdmin, layout: &Layout, workers: Option<u64>) -> Outcome {
    let Some(space) = store.survey().map_err(|error| refused(&error))?.space else { return Err(Stop::failed(LOST)) };
    is_of(&space, layout)?;
    let has = space.workers;
    if workers.is_some_and(|workers| workers != has) {
        return Err(Stop::failed(format_args!(
            "the ID space exists, with {has} workers: to change their number give --at-once"
        )));
    }
    Ok(writeln!(io::stdout(), "the ID space exists, with {has} workers: nothing was changed")?)
}

fn done(outcome: Result<(), StoreError>, what: &str) -> Outcome {
    outcome.map_err(|error| refused(&error))?;
    Ok(writeln!(io::stdout(), "{what}")?)
}

fn refused(error: &StoreError) -> Stop {
    Stop::because(error)
}

/// Asks whether it is so, unless that was said before.
fn confirm(yes: bool, what: &str) -> Outcome {
    if yes {
        return Ok(());
    }
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Stop::usage("there is nobody to ask: say --yes if you are sure"));
    }
    // Nobody can answer what could not be asked.
    write!(io::stderr(), "{what}? (yes/no) ")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|error| Stop::failed(format_args!("no answer: {error}")))?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Stop::failed("nothing was done: the answer was not yes")) }
}

fn list(store: &mut dyn LeaseAdmin, layout: &Layout, json: bool) -> Outcome {
    let survey = match store.survey() {
        Ok(survey) => survey,
        Err(mut error) => {
            if let StoreError::NoSpace { others, .. } = &mut error {
                // If they can't be listed the error says enough.
                *others = store.others().unwrap_or_default();
            }
            return Err(refused(&error));
        }
    };
    let behind = survey.clock_behind(layout);
    let Survey { unix_nanos, space, workers, .. } = survey;
    let Some(space) = space else { return Err(Stop::failed(LOST)) };
    is_of(&space, layout)?;
    let mut out = io::stdout().lock();
    let rows: Vec<Row> = workers.iter().map(|worker| Row::of(worker, layout, unix_nanos / 1_000_000)).collect();
    if json {
        for row in &rows {
            serde_json::to_writer(&mut out, row)?;
            writeln!(out)?;
        }
    } else {
        print(&mut out, &rows)?;
        let taken = rows.iter().filter(|row| row.remaining_ms > 0).count();
        writeln!(out, "{taken} of {} workers are taken.", space.workers)?;
        let floor = remaining_ms(layout, space.floor, unix_nanos / 1_000_000);
        if let Some(by) = behind {
            let by = by.as_millis().div_ceil(1000);
            writeln!(
                out,
                "The store's clock is {by} s behind what it has granted: set it. (If it is right, it was ahead.)"
            )?;
        } else if floor > 0 {
            writeln!(out, "The ID space is new or has lost something: it grants in {} s.", floor.div_ceil(1000))?;
        }
    }
    Ok(out.flush()?)
}

fn is_of(space: &SurveyedSpace, layout: &Layout) -> Outcome {
    if space.is_of(layout) {
        return Ok(());
    }
    let stored = printable(&space.layout);
    Err(Stop::usage(format_args!(
        "the leases are for the layout {stored}: give its --layout, or its --bits, --epoch, --tick and --order"
    )))
}

/// A worker's lease, as JSON and as a line of the table.
#[derive(Serialize)]
struct Row {
    worker: u64,
    /// `null` where it was released.
    owner: Option<String>,
    /// The first tick of the window and the first after it.
    from: u64,
    until: u64,
    /// When that is, in RFC 3339; `null` where the format has no date for it.
    until_time: Option<String>,
    remaining_ms: u64,
    counter: u64,
}

impl Row {
    fn of(surveyed: &SurveyedWorker, layout: &Layout, now_ms: u64) -> Self {
        let SurveyedWorker { worker, from, until, counter, .. } = *surveyed;
        let time = layout.unix_ms_of(until).and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
        Self {
            worker,
            owner: surveyed.owner.clone(),
            from,
            until,
            until_time: time.map(|time| format!("{time:.3}")),
            remaining_ms: remaining_ms(layout, until, now_ms),
            counter,
        }
    }
}

/// How long it is until `tick` begins.
fn remaining_ms(layout: &Layout, tick: u64, now_ms: u64) -> u64 {
    layout.unix_ms_of(tick).unwrap_or(u64::MAX).saturating_sub(now_ms)
}

/// What somebody has written into the store, without what would move a terminal's cursor or break a line.
fn printable(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().collect(),
    };
    text.chars().map(escaped).collect()
}

fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let owner = |row: &Row| row.owner.as_deref().map_or_else(|| "-".into(), printable);
    let widest = rows.iter().map(|row| owner(row).chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "worker  {:widest$}  {:24}  remaining", "owner", "until")?;
    for row in rows {
        let until = row.until_time.clone().unwrap_or_else(|| row.until.to_string());
        let remaining = if row.remaining_ms > 0 {
            format!("{}.{:03} s", row.remaining_ms / 1000, row.remaining_ms % 1000)
        } else {
            "free".into()
        };
        writeln!(out, "{:>6}  {:widest$}  {until:24}  {remaining:>9}", row.worker, owner(row))?;
    }
    Ok(())
}
