//! Tries the hosts of one database separately, because the crate `tokio_postgres` would report the error of only one
//! host.

use std::hash::{BuildHasher, RandomState};

use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use crate::causes::Cause;
use crate::error::StoreError;

/// Returns one configuration for each host, beginning with a random host. If there is at most one host, or if the
/// number of addresses or ports does not match the number of hosts, returns only `config` itself. No address, no port
/// or a single port matches any number of hosts. If the numbers do not match, the crate `tokio_postgres` refuses
/// `config` and reports the reason.
pub(super) fn each(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let fits = |length: usize, least: usize| length <= least || length == count;
    if count < 2 || !fits(hosts.len(), 0) || !fits(addresses.len(), 0) || !fits(ports.len(), 1) {
        return [config.clone()].into();
    }
    let mut each: Vec<_> = (0..count).map(|at| one(config, at)).collect();
    // If the first host were always the same and did not answer, it would delay every connection.
    let random = usize::try_from(RandomState::new().hash_one(0) % 1024).unwrap_or(0);
    each.rotate_left(random % count);
    each
}

/// Returns a copy of `config` that has only one host: the host at index `at`. With the returned configuration, the
/// client uses only a server that accepts writes, because only such a server can grant leases.
fn one(config: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        #[cfg(unix)]
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    config.get_hostaddrs().get(at).map(|&address| one.hostaddr(address));
    let ports = config.get_ports();
    ports.get(at).or(ports.first()).map(|&port| one.port(port));

    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    config.get_connect_timeout().map(|&timeout| one.connect_timeout(timeout));
    config.get_tcp_user_timeout().map(|&timeout| one.tcp_user_timeout(timeout));
    config.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one.keepalives(config.get_keepalives()).keepalives_idle(config.get_keepalives_idle());
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.channel_binding(config.get_channel_binding());
    one.target_session_attrs(TargetSessionAttrs::ReadWrite).load_balance_hosts(LoadBalanceHosts::Random);
    one
}

/// The most important of the failures of the hosts that were tried. A failure about the user (`OfTheUser`) is the most
/// important, because the same user logs in to all hosts. A failure that may pass by itself (`Passing`) comes next. A
/// failure that does not pass by itself (`Lasting`) comes last. Of two failures of one kind, the first is kept.
#[derive(Default)]
pub(super) struct Failures(Option<(Weight, StoreError)>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Lasting,
    Passing,
    OfTheUser,
}

impl Failures {
    pub(super) fn add(self, cause: Cause, failure: impl Fn(Cause) -> StoreError) -> Self {
        let is_of_the_user = is_of_the_user(&cause);
        let error = failure(cause);
        let weight = match error.is_retryable() {
            _ if is_of_the_user => Weight::OfTheUser,
            true => Weight::Passing,
            false => Weight::Lasting,
        };
        match self.0 {
            Some((heavier, _)) if heavier >= weight => self,
            _ => Self(Some((weight, error))),
        }
    }

    pub(super) fn error(self) -> Option<StoreError> {
        self.0.map(|(_, error)| error)
    }
}

fn is_of_the_user(cause: &Cause) -> bool {
    let code = cause.downcast_ref().and_then(Error::code);
    matches!(code, Some(&(SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION)))
}

#[cfg(test)]
mod tests {

    use tokio_postgres::Config;

    use super::{Failures, each};
    use crate::error::StoreError;

    fn config(words: &str) -> Config {
        words.parse().expect("words")
    }

    /// Would catch: a setting that is lost if there are several hosts.
    #[test]
    fn each_host_has_all_other_settings() {
        let all = "user=u password=p dbname=d options='-c a=b' application_name=n sslmode=require \
            sslnegotiation=direct connect_timeout=3 tcp_user_timeout=4 keepalives=0 keepalives_idle=5 \
            keepalives_interval=6 keepalives_retries=7 channel_binding=require";
        let other = "target_session_attrs=read-write load_balance_hosts=random";
        for (several, first, second) in [
            ("host=a,/b port=1,2", "host=a port=1", "host=/b port=2"),
            ("host=a,b port=3", "host=a port=3", "host=b port=3"),
            ("host=a,b", "host=a", "host=b"),
            ("host=a,b hostaddr=::1,::2", "host=a hostaddr=::1", "host=b hostaddr=::2"),
            ("hostaddr=::1,::2 port=1,2", "hostaddr=::1 port=1", "hostaddr=::2 port=2"),
        ] {
            let seen = each(&config(&format!("{several} {all}")));
            let mut expected: Vec<_> = [first, second].map(|one| config(&format!("{one} {all} {other}"))).into();
            // The first host is random.
            if seen.first() != expected.first() {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{several}");
        }
    }

    #[test]
    fn a_configuration_of_one_host_or_with_counts_that_differ_is_not_changed() {
        for words in ["host=a", "user=u", "host=a,b port=1,2,3", "host=a,b hostaddr=::1", "host=a port=1,2"] {
            assert_eq!(each(&config(words)), [config(words)], "{words}");
        }
    }

    #[test]
    fn a_failure_may_pass_if_that_of_one_host_may_pass() {
        let failures = |causes: &[&str]| {
            let failure = |cause: super::Cause| match &*format!("{cause}") {
                "passing" => StoreError::unavailable("connecting", cause),
                _ => StoreError::refused("connecting", "correct it", cause),
            };
            let failures = causes
                .iter()
                .fold(Failures::default(), |failures, &cause| failures.add(String::from(cause).into(), failure));
            failures.error().is_some_and(|error| error.is_retryable())
        };
        assert!(failures(&["passing", "lasting"]) && failures(&["lasting", "passing"]) && failures(&["passing"]));
        assert!(!failures(&["lasting", "lasting"]));
    }
}
