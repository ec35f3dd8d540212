//! Helpers that the tests of casflake's packages share. No helper uses a type of these packages, so that the unit tests
//! of a package can use the helpers, too.

pub mod certificates;
#[cfg(unix)]
mod date_proxy;
#[cfg(unix)]
mod etcd;
#[cfg(unix)]
mod etcd_tls;
mod eventually;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
pub mod pgbouncer;
#[cfg(target_os = "linux")]
pub mod postgres;
pub mod proxy;
pub mod random;
#[cfg(target_os = "linux")]
pub mod redis;
mod scratch;
mod server;
mod skip;
mod within;

#[cfg(unix)]
pub use date_proxy::DateProxy;
#[cfg(unix)]
pub use etcd::EtcdServer;
#[cfg(unix)]
pub use etcd_tls::TlsEtcd;
pub use eventually::eventually;
#[cfg(target_os = "linux")]
pub use held::Held;
#[cfg(target_os = "linux")]
pub use postgres::PostgresServer;
pub use proxy::Proxy;
pub use scratch::Scratch;
pub use server::Server;
pub use skip::skipped;
pub use within::within;

#[cfg(target_os = "linux")]
pub use self::redis::RedisServer;

/// Tests the examples of the README. These tests are in this package, because the examples use more than one package.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
