//! Processes with different URLs. If the URLs name one space, the processes share it; otherwise one issues nothing.

use std::time::Duration;

use casflake_lease::{StoreError, from_url};

use super::Trial;
use super::holder::{Holder, Plan, draws_many};
use super::verdict::Verdict;
#[cfg(all(target_os = "linux", feature = "postgres"))]
use crate::servers::Server;
use crate::servers::StoreServer;

/// Starts holders by URLs with white space, as in secrets, files of variables, and text typed by hand.
pub(crate) fn white_space(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(4);
    let url = server.url();
    // No lease ends before the test does, so no holder gets the worker of another.
    let ttl = Duration::from_secs(60);
    let urls = [url.clone(), format!("{url}\n"), format!(" {url}\r\n"), format!("\t{url}  ")];
    let start = |url| Holder::start(&Plan { url, ttl, ..trial.plan(server) }, trial.scratch.path());
    let holders: Vec<Holder> = urls.into_iter().map(start).collect();
    holders.iter().for_each(|holder| draws_many(holder, 200));
    let workers: Vec<u64> = holders.iter().map(Holder::worker).collect();
    assert!((0..4).all(|worker| workers.contains(&worker)), "{workers:?}");
    Some(Verdict::of(holders.into_iter().map(Holder::finish)))
}

/// Starts a holder with a misspelt space, which does not exist. The store has another space.
pub(crate) fn a_misspelt_space(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    // A directory has only one space.
    if server.directory().is_some() {
        return None;
    }
    server.initialise(2);
    let (right, wrong) = (trial.plan(server), format!("{}#defaults", server.url()));
    let holder = Holder::start(&right, trial.scratch.path());
    let misspelt = Holder::start(&Plan { url: wrong.clone(), ..right }, trial.scratch.path());
    draws_many(&holder, 200);
    // After the time at which a space would grant if the holder had created it.
    server.set_clock(200);
    draws_many(&holder, 500);
    assert_eq!(misspelt.count(), 0, "a space that was not created");
    for url in [wrong, format!("{}# default", server.url()), format!("{}#", server.url())] {
        match from_url(&url).and_then(|mut store| store.survey()) {
            Err(StoreError::NoSpace { .. } | StoreError::Url { .. }) => {}
            outcome => panic!("{url:?}: {outcome:?}"),
        }
    }
    let drawn = [misspelt.kill(), holder.finish()];
    Some(Verdict::of(drawn))
}

/// Starts holders by two roles of one database. One of the roles has a schema of its own name.
#[cfg(all(target_os = "linux", feature = "postgres"))]
pub(crate) fn two_roles(server: &testkit::postgres::PostgresServer, trial: &Trial) -> Verdict {
    server.sql(
        "CREATE ROLE orders LOGIN SUPERUSER; CREATE ROLE billing LOGIN SUPERUSER; CREATE SCHEMA AUTHORIZATION orders",
    );
    server.initialise(2);
    let start = |role: &str| {
        let url = server.url().replace("postgres@", &format!("{role}@"));
        // As above.
        Holder::start(&Plan { url, ttl: Duration::from_secs(60), ..trial.plan(server) }, trial.scratch.path())
    };
    let holders = [start("orders"), start("billing")];
    holders.iter().for_each(|holder| draws_many(holder, 500));
    assert_ne!(holders[0].worker(), holders[1].worker());
    Verdict::of(holders.map(Holder::finish))
}
