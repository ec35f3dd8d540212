//! Measures all cases and prints their tables.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use casflake_peers::cases::{CASES, overview};
use casflake_peers::chart;
use casflake_peers::plan::Plan;

const USAGE: &str = "usage: casflake-peers [--quick] [--only SUBSTRING] [--chart FILE.svg]

  --quick            a smoke run of seconds; its figures mean nothing
  --only SUBSTRING   only the cases with this text in their names
  --chart FILE.svg   also draws the overview";

fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let plan = if options.quick { Plan::quick() } else { Plan::full() };
    let started = Instant::now();
    println!("Median of {} rounds; \"faster by 2.00 ×\" is twice as fast.\n", plan.rounds);
    for case in CASES.iter().filter(|case| options.wants(case.name)) {
        eprintln!("{}", case.name);
        println!("{}", (case.run)(&plan));
    }
    if options.wants("overview") {
        eprintln!("overview");
        let (table, contestants) = overview(&plan);
        println!("{table}");
        if let Some(file) = options.chart {
            chart::draw(&file, &contestants)?;
            eprintln!("drawn: {}", file.display());
        }
    }
    eprintln!("all in {:.0?}", started.elapsed());
    Ok(())
}

#[derive(Default)]
struct Options {
    quick: bool,
    only: String,
    chart: Option<PathBuf>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--only" => options.only = args.next()?,
                "--chart" => options.chart = Some(args.next()?.into()),
                _ => return None,
            }
        }
        Some(options)
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}
