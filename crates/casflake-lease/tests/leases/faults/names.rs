//! Processes whose URLs are not written alike: those that name one space share it, and any other issues nothing.

use casflake_lease::{StoreError, from_url};

use super::Trial;
use super::holder::{Holder, Plan, draws_many};
use super::verdict::Verdict;
use crate::servers::{Server, StoreServer};

/// As they come out of a secret, a file of variables, or a text that somebody has typed.
pub(crate) fn white_space(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(4);
    let url = server.url();
    let urls = [url.clone(), format!("{url}\n"), format!(" {url}\r\n"), format!("\t{url}  ")];
    let start = |url| Holder::start(&Plan { url, ..trial.plan(server) }, trial.scratch.path());
    let holders: Vec<Holder> = urls.into_iter().map(start).collect();
    holders.iter().for_each(|holder| draws_many(holder, 200));
    let workers: Vec<u64> = holders.iter().map(Holder::worker).collect();
    assert!((0..4).all(|worker| workers.contains(&worker)), "{workers:?}");
    Some(Verdict::of(holders.into_iter().map(Holder::finish)))
}

/// A misspelt name, which is a space that does not exist, and a store that has others.
pub(crate) fn a_misspelt_space(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    // A directory has only one.
    if server.directory().is_some() {
        return None;
    }
    server.initialise(2);
    let (right, wrong) = (trial.plan(server), format!("{}#defaults", server.url()));
    let holder = Holder::start(&right, trial.scratch.path());
    let lost = Holder::start(&Plan { url: wrong.clone(), ..right }, trial.scratch.path());
    draws_many(&holder, 200);
    // Later than a space would grant that the misspelt process had made.
    server.set_clock(200);
    draws_many(&holder, 500);
    assert_eq!(lost.count(), 0, "a space that nobody has created");
    for url in [wrong, format!("{}# default", server.url()), format!("{}#", server.url())] {
        match from_url(&url).and_then(|mut store| store.survey()) {
            Err(StoreError::NoSpace { .. } | StoreError::Url { .. }) => {}
            outcome => panic!("{url:?}: {outcome:?}"),
        }
    }
    let drawn = [lost.kill(), holder.finish()];
    Some(Verdict::of(drawn))
}

/// One database by two roles, of which one has a schema of its own name.
#[cfg(all(target_os = "linux", feature = "postgres"))]
pub(crate) fn two_roles(server: &testkit::postgres::PostgresServer, trial: &Trial) -> Verdict {
    server.sql(
        "CREATE ROLE orders LOGIN SUPERUSER; CREATE ROLE billing LOGIN SUPERUSER; CREATE SCHEMA AUTHORIZATION orders",
    );
    server.initialise(2);
    let start = |role: &str| {
        let url = server.url().replace("postgres@", &format!("{role}@"));
        Holder::start(&Plan { url, ..trial.plan(server) }, trial.scratch.path())
    };
    let holders = [start("orders"), start("billing")];
    holders.iter().for_each(|holder| draws_many(holder, 500));
    assert_ne!(holders[0].worker(), holders[1].worker());
    Verdict::of(holders.map(Holder::finish))
}
