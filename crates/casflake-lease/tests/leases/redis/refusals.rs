//! Refusals of a server: those that time mends, and those that an operator must mend.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use casflake_lease::{LeaseAdmin, LeaseStore, LostReason, RedisStore, StoreError};
use testkit::{RedisServer, eventually};

use super::{
    LAYOUT, acquire, assert_lost, assert_not_yet, assert_permanent, assert_unavailable, or_skip, raw, renew, store,
};

#[test]
fn a_server_that_refuses_to_write_changes_nothing() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    let before = raw(&server);
    for (setting, value, usual, why) in
        [("min-replicas-to-write", "1", "0", "NOREPLICAS"), ("maxmemory", "1", "0", "OOM")]
    {
        server.command("CONFIG", &["SET", setting, value]);
        assert_unavailable(acquire(&mut store), why);
        assert_unavailable(renew(&mut store, &lease), why);
        assert_unavailable(store.release(&lease, None), why);
        assert_unavailable(store.init_immediately(&LAYOUT, 8), why);
        server.command("CONFIG", &["SET", setting, usual]);
        assert_eq!(raw(&server), before, "{setting}");
    }
    renew(&mut store, &lease).expect("it is renewed");
}

#[test]
fn l6_a_space_that_was_evicted_is_a_new_one() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    server.command("CONFIG", &["SET", "maxmemory-policy", "volatile-lru", "maxmemory", "1"]);
    assert_unavailable(renew(&mut store, &lease), "OOM");
    assert_eq!(raw(&server).len(), 2, "it does not expire");
    server.command("CONFIG", &["SET", "maxmemory-policy", "allkeys-lru"]);
    assert_unavailable(renew(&mut store, &lease), "OOM");
    server.command("CONFIG", &["SET", "maxmemory", "0"]);
    assert_eq!(raw(&server).len(), 0, "a space is evicted as a whole");
    assert!(matches!(acquire(&mut store), Err(StoreError::NoSpace { .. })));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
}

#[test]
fn a_user_needs_only_the_documented_permissions() {
    let server = or_skip!(RedisServer::start());
    let commands = ["evalsha", "script|load", "info", "time", "type", "hget", "hgetall", "hmget", "hset"];
    let rules = commands.map(|command| format!("+{command}"));
    let mut args = vec!["SETUSER", "ids", "on", ">secret", "~casflake:*"];
    args.extend(rules.iter().map(String::as_str));
    server.command("ACL", &args);
    let mut store = RedisStore::from_url(&server.url().replace("//", "//ids:secret@")).expect("a URL");
    store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    let lease = acquire(&mut store).expect("a lease");
    let lease = renew(&mut store, &lease).expect("it is renewed");
    store.release(&lease, None).expect("it is released");
    // To list other spaces takes one more.
    assert_permanent(store.others(), "", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+scan"]);
    assert_eq!(store.others().expect("it may"), [""; 0]);
    let elsewhere = server.url().replace("//", "//ids:secret@") + "/1";
    assert_permanent(RedisStore::from_url(&elsewhere).expect("a URL").survey(), "NOPERM", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+select"]);
    RedisStore::from_url(&elsewhere).expect("a URL").init_immediately(&LAYOUT, 2).expect("in a database other than 0");
    let mut wrong = RedisStore::from_url(&server.url().replace("//", "//ids:wrong@")).expect("a URL");
    assert_permanent(acquire(&mut wrong), "WRONGPASS", "correct the user or the password");
}

#[test]
fn a_refusal_that_time_does_not_mend_is_permanent_and_has_a_remedy() {
    let server = or_skip!(RedisServer::start());
    drop(store(&server, 1));
    let survey = |url: String| RedisStore::from_url(&url).expect("a URL").survey();
    let url = server.url();
    for by in ["", "?protocol=3"] {
        let with = |user: &str| url.replace("//", &format!("//{user}@")) + by;
        assert_permanent(survey(with("nobody:s3cr3t")), "WRONGPASS", "correct the user or the password");
        assert_permanent(survey(url.clone() + "/16" + by), "DB index", "no such database");
    }
    assert_permanent(survey(url.replace("//", "//:s3cr3t@")), "without any password", "leave the password out");
    server.command("ACL", &["SETUSER", "ids", "on", ">secret", "~casflake:*", "+@all", "-hgetall"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "-evalsha"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "NOPERM", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+@all", "resetkeys", "~other:*"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "NOPERM", "allow this user");
    // Other clients may leave.
    server.command("CONFIG", &["SET", "maxclients", "1"]);
    let first = server.connection();
    assert_unavailable(survey(url.clone()), "max number of clients");
    drop(first);
    eventually("it accepts a client", || survey(url.clone()).ok());
    server.command("CONFIG", &["SET", "requirepass", "secret"]);
    assert_permanent(survey(url.clone()), "NOAUTH", ":password@");
    assert_permanent(survey(url.clone() + "?protocol=3"), "NOAUTH", ":password@");
    assert!(survey(url.replace("//", "//:secret@")).is_ok());
}

#[test]
fn a_server_that_is_not_redis_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    assert_permanent(RedisStore::from_url(&url).expect("a URL").survey(), "", "not Redis");
}

#[test]
fn a_url_that_is_not_of_redis_is_refused() {
    for url in ["127.0.0.1", "http://127.0.0.1", "redis://", "redis://127.0.0.1/x", "redis://me:1#secret@127.0.0.1"] {
        let refused = RedisStore::from_url(url);
        assert!(matches!(refused, Err(StoreError::Url { .. })), "{refused:?}");
    }
}

#[test]
fn a_store_shows_its_place_and_not_its_password() {
    let store =
        RedisStore::from_url("redis://me:secret@ids.example/3").expect("a URL").space("orders").expect("a name");
    let shown = format!("{store:?}");
    assert!(shown.contains("ids.example:6379, database 3") && shown.contains("casflake:orders"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}
