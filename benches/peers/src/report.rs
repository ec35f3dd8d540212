//! Tables in Markdown, and the notes below them.

use std::fmt;

use crate::verdict::Verdict;

/// A table, with notes on its rows.
#[derive(Debug)]
pub struct Table {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// Returns a table without rows.
    pub fn new(title: &str, header: &[&str]) -> Self {
        let header = header.iter().map(ToString::to_string).collect();
        Self { title: title.to_owned(), header, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a line below the table, once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns `name` with its marks.
    pub fn marked(&mut self, name: &str, verdicts: impl IntoIterator<Item = Verdict>) -> String {
        name.to_owned() + &self.marks(name, verdicts)
    }

    /// Returns a mark for each fault of the IDs of `name`, and adds a note on it.
    pub fn marks(&mut self, name: &str, verdicts: impl IntoIterator<Item = Verdict>) -> String {
        let worst = Verdict::worst(verdicts);
        let Verdict { repeats, disorders, ahead_ms, behind_ms } = worst;
        let marks = [
            (worst.is_ahead(), "†", format!("the last ID's time was {ahead_ms} ms ahead of the wall clock")),
            (worst.is_behind(), "◊", format!("the last ID's time was {behind_ms} ms behind the wall clock")),
            (repeats > 0, "‡", format!("{repeats} IDs were issued twice in one run")),
            (disorders > 0, "§", format!("{disorders} IDs were no larger than the one before of the same thread")),
        ];
        let mut found = String::new();
        for (_, mark, fault) in marks.into_iter().filter(|(holds, ..)| *holds) {
            found = found + " " + mark;
            self.note(format!("{mark} {name}: {fault}."));
        }
        found
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "| {} |", self.header.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.header.len().saturating_sub(1)))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

/// Formats a time in nanoseconds.
pub fn ns(figure: f64) -> String {
    match figure {
        ..10.0 => format!("{figure:.2} ns"),
        ..1e3 => format!("{figure:.1} ns"),
        ..1e4 => format!("{figure:.0} ns"),
        ..1e6 => format!("{:.1} µs", figure / 1e3),
        _ => format!("{:.2} ms", figure / 1e6),
    }
}

/// Formats a rate in millions a second.
pub fn millions(figure: f64) -> String {
    format!("{figure:.2} M/s")
}

/// Formats a ratio.
pub fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// Formats a share in hundredths of a percent.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Formats a figure without a unit.
pub fn plain(figure: f64) -> String {
    format!("{figure:.2}")
}
