//! Prints the leases of a store, as a table or as JSON.

use std::io::{self, Write};

use casflake::Layout;
use casflake_lease::{LeaseAdmin, StoreError, Survey, SurveyedWorker};
use serde::Serialize;

use super::{LOST, is_of, refused};
use crate::numbers::counted;
use crate::stop::{Outcome, Stop};
use crate::times::rfc_3339;

pub(super) fn list(store: &mut dyn LeaseAdmin, layout: &Layout, url: &str, json: bool) -> Outcome {
    let survey = match store.survey() {
        Ok(survey) => survey,
        Err(mut error) => {
            if let StoreError::NoSpace { others, .. } = &mut error {
                // If the store can't list its other spaces, the error is clear enough without their names.
                *others = store.others().unwrap_or_default();
            }
            return Err(refused(&error));
        }
    };
    let (behind, is_copy) = (survey.clock_behind(layout), survey.is_copy);
    let Survey { unix_ns, space, workers, .. } = survey;
    let Some(space) = space else { return Err(Stop::failed(LOST)) };
    is_of(&space, layout)?;
    let now_ms = unix_ns / 1_000_000;
    if layout.tick_at(now_ms).is_none() {
        return Err(refused(&StoreError::StoreClockOutside { unix_ms: now_ms, epoch_unix_ms: layout.epoch_unix_ms() }));
    }
    let rows: Vec<Row> = workers.iter().map(|worker| Row::of(worker, layout, now_ms)).collect();
    let behind = behind.unwrap_or_default();
    // If the clock is behind, the time from the clock's reading to the floor is not the time that a process waits.
    let grants_in_ms = (!is_copy && behind.is_zero()).then(|| remaining_ms(layout, space.floor, now_ms));
    let space = State {
        name: url.trim().split_once('#').map_or("", |(_, name)| name).to_owned(),
        taken: rows.iter().filter(|row| row.remaining_ms > 0 && row.worker < space.workers).count(),
        layout: space.layout,
        workers: space.workers,
        grants_in_ms,
        clock_behind_ms: u64::try_from(behind.as_millis()).unwrap_or(u64::MAX),
        is_copy,
    };
    let mut out = io::stdout().lock();
    if json {
        print_json(&mut out, &space, &rows)?;
    } else {
        print(&mut out, &space, &rows)?;
    }
    out.flush()?;
    if is_copy { Err(Stop::failed(COPIED)) } else { Ok(()) }
}

const COPIED: &str = "the store is a copy of one that was made elsewhere: a copy grants nothing, because both \
                      stores would let processes issue the same IDs; use the original";

/// The state of the ID space. It is printed as JSON, or as the last lines of the text.
#[derive(Serialize)]
struct State {
    /// The name of the ID space, or an empty text if the ID space has no name.
    name: String,
    layout: String,
    workers: u64,
    /// The number of workers of the ID space whose leases have not ended.
    taken: usize,
    /// The milliseconds until the ID space grants leases: 0 if it grants them now, `null` if the store's clock is
    /// behind (see `clock_behind_ms`) or the store is a copy.
    grants_in_ms: Option<u64>,
    /// How many milliseconds the store's clock is behind the latest tick that is recorded in the store; 0 if the clock
    /// is not behind.
    clock_behind_ms: u64,
    /// Whether the store is a copy of another store. A copy grants nothing.
    is_copy: bool,
}

fn print_json(out: &mut impl Write, space: &State, rows: &[Row]) -> Outcome {
    #[derive(Serialize)]
    struct First<'a> {
        space: &'a State,
    }
    serde_json::to_writer(&mut *out, &First { space })?;
    writeln!(out)?;
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The lease of a worker. It is printed as JSON, or as a line of the table.
#[derive(Serialize)]
struct Row {
    worker: u64,
    /// The name of the worker's holder; `null` if the record names no holder, for example after a release.
    owner: Option<String>,
    /// The first tick of the window. The field `until` is the first tick after the window.
    from: u64,
    until: u64,
    /// The time at which the tick `until` begins, in RFC 3339; `null` if `until` is after the layout's last tick, or if
    /// that time is too late for [`rfc_3339`].
    until_time: Option<String>,
    remaining_ms: u64,
    counter: u64,
}

impl Row {
    fn of(surveyed: &SurveyedWorker, layout: &Layout, now_ms: u64) -> Self {
        let SurveyedWorker { worker, from, until, counter, .. } = *surveyed;
        Self {
            worker,
            owner: surveyed.owner.clone(),
            from,
            until,
            until_time: layout.unix_ms_of(until).and_then(rfc_3339),
            remaining_ms: remaining_ms(layout, until, now_ms),
            counter,
        }
    }
}

/// Returns the milliseconds from `now_ms` to the beginning of `tick`, or 0 if the tick has begun.
pub(super) fn remaining_ms(layout: &Layout, tick: u64, now_ms: u64) -> u64 {
    layout.unix_ms_of(tick).unwrap_or(u64::MAX).saturating_sub(now_ms)
}

/// Returns a stored text in a form that can be shown. Escapes every character that would move a terminal's cursor or
/// break a line.
pub(super) fn printable(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().collect(),
    };
    text.chars().map(escaped).collect()
}

fn print(out: &mut impl Write, space: &State, rows: &[Row]) -> io::Result<()> {
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
    let State { workers, taken, grants_in_ms, clock_behind_ms, .. } = space;
    let verb = if *workers == 1 { "is" } else { "are" };
    writeln!(out, "{taken} of {} {verb} taken.", counted(*workers, "worker"))?;
    if *clock_behind_ms > 0 {
        let by = clock_behind_ms.div_ceil(1000);
        writeln!(
            out,
            "The store's clock is {by} s behind the latest tick in the store: if the clock has moved back, set the \
             clock; if the clock was ahead before and is correct now, wait."
        )?;
    }
    if let Some(grants_in_ms @ 1..) = grants_in_ms {
        let seconds = grants_in_ms.div_ceil(1000);
        writeln!(out, "The ID space is new or has lost data: it grants leases in {seconds} s.")?;
    }
    Ok(())
}
