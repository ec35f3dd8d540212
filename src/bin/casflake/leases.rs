//! `casflake leases`: what a store of leases holds, and what only an operator may do to it.

use std::io::{self, BufRead, IsTerminal, Write};

use casflake::Layout;
use casflake::lease::{LeaseAdmin, MAX_WORKERS, StoreError, Survey, SurveyedWorker, open};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::layouts::LayoutArgs;
use crate::numbers::whole;
use crate::stop::{Outcome, Stop};

/// List the leases of a store: workers, who holds them, their windows, and how long those last
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_conflicts_with_subcommands = false)]
pub(crate) struct Args {
    /// The store: file:DIR, postgres://…, redis://… or etcd://…; #NAME at the end chooses one of several ID spaces of a
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
    /// Vouch that no lease is in use that the store does not know of, so that it grants at once
    ///
    /// Once for each new store, and after one has lost something, if every process is known to have ended that held a
    /// lease. If one still runs, others can issue the same IDs.
    Init {
        /// How many workers there are
        #[arg(long, default_value_t = 1024, value_parser = whole::<u64>(1..=MAX_WORKERS))]
        workers: u64,
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
        Some(Action::Init { workers, yes }) => {
            confirm(
                yes,
                &format!("Grant {workers} workers at once: no lease is in use that the store does not know of"),
            )?;
            done(store.initialise(&layout, workers), &format!("the store grants {workers} workers"))
        }
    }
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
    let Survey { unix_nanos, space, workers, .. } = store.survey().map_err(|error| refused(&error))?;
    let mut out = io::stdout().lock();
    let Some(space) = space else {
        if !json {
            writeln!(out, "The store is empty: initialise it (init), or it grants nothing for some minutes.")?;
        }
        return Ok(out.flush()?);
    };
    if !space.is_of(layout) {
        let stored = printable(&space.layout);
        return Err(Stop::usage(format_args!(
            "the leases are for the layout {stored}: give its --layout, or its --bits, --epoch, --tick and --order"
        )));
    }
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
        if floor > 0 {
            writeln!(out, "The store has lost something or is new: it grants nothing for {} s.", floor.div_ceil(1000))?;
        }
    }
    Ok(out.flush()?)
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
