//! A layout of your own, checked when it is compiled, and a layout that is known only at run time.

use casflake::{FieldOrder, Generator, Layout, Scheme, Snowflake, WorkerId};

/// 2025-01-01T00:00:00Z, 256 workers, 8,192 IDs per millisecond each.
struct Orders;

impl Scheme for Orders {
    const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
}

static ORDERS: Generator<Orders> = Generator::new(WorkerId::<Orders>::fixed_in::<0, 3>());

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let id: Snowflake<Orders> = ORDERS.generate()?;
    println!("{id} was made by worker {} at Unix millisecond {}", id.worker(), id.unix_ms());

    // An ID of another scheme is another type: `let id: Snowflake = ORDERS.generate()?` does not compile.

    // Ticks of 10 ms and the sequence above the worker, as Sonyflake has it.
    let layout = Layout::try_new(39, 0, 16, 8)?
        .try_with_epoch_unix_ms(1_409_529_600_000)?
        .try_with_tick_ms(10)?
        .with_order(FieldOrder::WorkerLast);
    println!("{:?}", layout.decode(625_000_000_000_000_007)?);

    // A value that does not fit is refused.
    if let Err(error) = Layout::try_new(41, 8, 8, 13) {
        println!("{error}");
    }
    Ok(())
}
