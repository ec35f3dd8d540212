//! Every way to be refused. Each text names the value, the bound and what to do.

mod generate;
mod id;
mod layout;
mod setting;
#[cfg(feature = "alloc")]
mod topology;
mod worker;

pub use generate::{FillError, GenerateError};
pub use id::IdError;
pub use layout::LayoutError;
pub use setting::SettingError;
#[cfg(feature = "alloc")]
pub use topology::TopologyError;
pub use worker::WorkerIdError;
#[cfg(feature = "alloc")]
pub use worker::WorkerTextError;
