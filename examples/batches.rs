//! Many IDs in one call: as a batch, into a buffer of your own, and the IDs that an error in the middle leaves.

use casflake::{Generator, ManualClock, Snowflake, WorkerId};

static IDS: Generator = Generator::new(WorkerId::fixed::<0, 1>());

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let batch = IDS.generate_batch(10)?;
    println!("ten IDs from {:?}, highest sequence {}", batch.first(), batch.max_sequence());

    // No allocation, and one compare-and-swap for each millisecond touched.
    let mut buffer = [Snowflake::MIN; 10_000];
    IDS.fill(&mut buffer)?;
    println!("10,000 IDs over {} ms", buffer[9_999].tick() - buffer[0].tick() + 1);

    // On a clock that stands still a generator has 4,096 IDs. A batch that wants more fails, and keeps those.
    let stuck = Generator::with_clock(WorkerId::fixed::<0, 2>(), ManualClock::new(1_735_689_600_000));
    if let Err(error) = stuck.generate_batch(5_000) {
        println!("{error}, because {}", error.error());
        assert_eq!(error.issued().len(), 4_096);
    }
    Ok(())
}
