//! Each kind of store, by the conformance suite; that of etcd is with its other tests.

use testkit::Scratch;

use crate::conformance::conforms;

/// How many sequences of requests each kind is tried with; `.ci/full faults` tries more.
pub(crate) const CASES: u32 = 10;

#[test]
fn a_directory_conforms() {
    let mut directories = Vec::new();
    conforms(CASES, || {
        directories.push(Scratch::new());
        Box::new(casflake_lease::FileStore::new(directories.last().expect("a directory").path()))
    });
}

/// A new ID space of one server each time.
#[cfg(all(target_os = "linux", any(feature = "postgres", feature = "redis")))]
fn spaces() -> impl FnMut() -> String {
    let mut numbers = 0..;
    move || format!("case-{}", numbers.next().unwrap_or(0))
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn postgresql_conforms() {
    use testkit::Server;
    let Some(server) = testkit::postgres::PostgresServer::start() else {
        return testkit::skipped("PostgreSQL", "postgresql, such as Debian's package of that name");
    };
    let mut space = spaces();
    let store = || casflake_lease::PostgresStore::from_url(&server.url()).expect("a URL");
    conforms(CASES, || Box::new(store().space(space()).expect("a name")));
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn redis_conforms() {
    let Some(server) = testkit::redis::RedisServer::start() else {
        return testkit::skipped("Redis", "redis-server, such as Debian's package of that name");
    };
    let mut space = spaces();
    let store = || casflake_lease::RedisStore::from_url(&server.url()).expect("a URL");
    conforms(CASES, || Box::new(store().space(space()).expect("a name")));
}
