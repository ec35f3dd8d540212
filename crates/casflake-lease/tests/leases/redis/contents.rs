//! The commands that the store sends, and the keys that it writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use casflake_lease::{Lease, LeaseAdmin, LeaseStore, LostReason, RedisStore, StoreError};
use testkit::RedisServer;

use super::{KEY, LAYOUT, acquire, assert_lost, open, or_skip, record, renew, request, store};

/// Returns the commands that the server receives while `act` runs, as `MONITOR` shows them: one line each.
fn commands(server: &RedisServer, act: impl FnOnce()) -> Vec<String> {
    let address = server.url().replace("redis://", "");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map(|line| line.expect("a line"));
    stream.write_all(b"MONITOR\r\n").expect("it is sent");
    assert_eq!(lines.next().as_deref(), Some("+OK"));
    act();
    server.command("ECHO", &["the end"]);
    let lines = lines.take_while(|line| !line.contains("the end"));
    // Commands of scripts do not come from a client.
    lines.filter(|line| !line.contains(" lua] ")).collect()
}

#[test]
fn a_renewal_and_a_release_are_one_command_each() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let mut lease = acquire(&mut store).expect("a lease");
    lease = renew(&mut store, &lease).expect("it is renewed: the script is loaded now");
    let sent = commands(&server, || lease = renew(&mut store, &lease).expect("it is renewed"));
    assert!(sent.len() == 1 && sent[0].contains(r#""EVALSHA""#), "{sent:#?}");

    let other = acquire(&mut store).expect("a lease");
    store.release(&other, None).expect("it is released: the script is loaded now");
    let sent = commands(&server, || store.release(&lease, None).expect("it is released"));
    assert!(sent.len() == 1 && sent[0].contains(r#""EVALSHA""#), "{sent:#?}");

    server.command("SCRIPT", &["FLUSH"]);
    acquire(&mut store).expect("a script that the server has forgotten is loaded again");
}

/// A record as the server stores it, with its fields in order.
#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    from: u64,
    until: u64,
    counter: u64,
    token: Option<String>,
    owner: String,
}

/// Lua's numbers are exact up to 2^53, and its JSON has 14 digits.
#[test]
fn records_keep_large_numbers_and_any_name() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let owner = r#"a "host", \ / % %1 {}[] "token":null,"owner":"x"} ä 世界 🦀 "#.to_string() + "\u{0}\u{1f}\u{7f}\n";
    let mut request = request();
    request.owner.clone_from(&owner);
    let lease = store.acquire(&request).expect("a lease").lease;
    let token = Some(lease.token().to_string());
    let as_granted = OnDisk { from: lease.from(), until: lease.until(), counter: 1, token, owner: owner.clone() };
    assert_eq!(record(&server, 0), serde_json::to_string(&as_granted).expect("JSON"));
    for counter in [1 << 53, (1 << 53) + 1, 123_456_789_012_345_678, u64::MAX - 2] {
        let text = record(&server, 0);
        let old: OnDisk = serde_json::from_str(&text).expect("a record");
        let text = text.replace(&format!(r#""counter":{}"#, old.counter), &format!(r#""counter":{counter}"#));
        server.command("HSET", &[KEY, "0", &text]);
        let lease = Lease::new(0, old.from, old.until, counter, lease.token());
        let renewed = renew(&mut store, &lease).expect("it is renewed");
        assert_eq!(renewed.counter(), counter + 1);
        let expected = OnDisk {
            from: old.from,
            until: renewed.until(),
            counter: counter + 1,
            token: Some(lease.token().to_string()),
            owner: owner.clone(),
        };
        assert_eq!(record(&server, 0), serde_json::to_string(&expected).expect("JSON"));
        let other = Lease::new(0, old.from, old.until, counter, lease.token());
        assert_lost(renew(&mut store, &other), LostReason::Cloned);
    }
    let last = renew(&mut store, &Lease::new(0, lease.from(), 0, u64::MAX - 1, lease.token())).expect("it is renewed");
    assert_eq!(last.counter(), u64::MAX);
    store.release(&last, Some(last.until() - 3)).expect("it is released");
    let released = OnDisk { from: last.from(), until: last.until() - 2, counter: u64::MAX, token: None, owner };
    assert_eq!(record(&server, 0), serde_json::to_string(&released).expect("JSON"));
    assert_eq!(store.survey().expect("a survey").workers[0].owner, None);
}

#[test]
fn a_key_of_another_type_is_refused_and_left_as_it_is() {
    let server = or_skip!(RedisServer::start());
    let mut healthy = store(&server, 8);
    let lease = acquire(&mut healthy).expect("a lease");
    server.command("DEL", &[KEY]);
    server.command("SET", &[KEY, "a string"]);
    let mut store = open(&server);
    for outcome in [
        acquire(&mut store).map(drop),
        store.init_immediately(&LAYOUT, 8),
        store.survey().map(drop),
        store.reclaim(&LAYOUT, 0),
        renew(&mut store, &lease).map(drop),
    ] {
        let Err(StoreError::Corrupt { place, why }) = &outcome else { panic!("{outcome:?}") };
        assert!(place.contains(KEY) && why.contains("the key is a string"), "{outcome:?}");
    }
    let left: String = redis::cmd("GET").arg(KEY).query(&mut server.connection()).expect("a string");
    assert_eq!(left, "a string");
}

#[test]
fn a_space_is_one_key() {
    let server = or_skip!(RedisServer::start());
    for name in ["orders", "users"] {
        let mut store = open(&server).space(name).expect("a name");
        store.init_immediately(&LAYOUT, 1).expect("it is initialised");
        acquire(&mut store).expect("a lease");
    }
    let keys: BTreeSet<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).expect("keys");
    assert_eq!(keys, ["casflake:orders", "casflake:users"].map(String::from).into());
}

#[test]
fn other_spaces_are_listed_among_many_keys_of_others() {
    let server = or_skip!(RedisServer::start());
    let open = |name: &str| open(&server).space(name).expect("a name");
    for name in ["orders", "Orders", "a/b"] {
        open(name).init_immediately(&LAYOUT, 1).expect("it is initialised");
    }
    // Far more than one answer of the server lists.
    for at in 0..20 {
        let pairs: Vec<String> = (0..500).flat_map(|key| [format!("cache:{at}:{key}"), String::from("x")]).collect();
        server.command("MSET", &pairs.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!(open("orders").others().expect("it answers"), ["Orders", "a/b"]);
    assert_eq!(open("ordres").others().expect("it answers"), ["Orders", "a/b", "orders"]);
    for at in 0..20 {
        open(&format!("more-{at:02}")).init_immediately(&LAYOUT, 1).expect("it is initialised");
    }
    assert_eq!(open("ordres").others().expect("it answers").len(), 10);
    let another_database = server.url() + "/1";
    assert_eq!(RedisStore::from_url(&another_database).expect("a URL").others().expect("it answers"), [""; 0]);
}
