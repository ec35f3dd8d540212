//! Datacenters of workers, with a generator for each worker, and an epoch of your own.

use casflake::{Layout, Scheme, Topology};

/// 2021-01-01T00:00:00Z, with 32 datacenters of 32 workers.
struct Shop;

impl Scheme for Shop {
    const LAYOUT: Layout = Layout::new(41, 5, 5, 12).with_epoch_unix_ms(1_609_459_200_000);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = Topology::<Shop>::new(3, 5)?;

    let id = system.generator(1, 2)?.generate()?;
    println!("Generated ID: {id}, by worker {} of datacenter {}", id.worker(), id.datacenter());

    for datacenter in &system {
        for generator in datacenter {
            print!("{} ", generator.generate()?);
        }
        println!();
    }

    // Look-ups are checked.
    if let Err(error) = system.generator(3, 0) {
        println!("{error}");
    }
    Ok(())
}
