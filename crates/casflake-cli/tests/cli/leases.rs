//! `casflake leases`: the list of leases, and the decisions of an operator.

use std::fs;
use std::time::Duration;

use casflake::{Clock, Layout, ManualClock, Scheme, Standard, SystemClock};
use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Token};
use serde_json::Value;

use crate::common::{assert_fails, run, text};
use crate::store::Store;

#[test]
fn options_of_leases_may_follow_its_subcommands() {
    let store = Store::empty("after");
    let created = store.run(&["leases", "init", "--beside", "--workers", "1"], &["--layout", "discord"]);
    let expected =
        format!("created the ID space in file:///{} with 1 worker: it grants leases in 150 s\n", store.path());
    assert_eq!(text(&created.stdout), expected, "{}", text(&created.stderr));
    let vouched = store.run(&["leases", "init", "--immediately", "--yes"], &["--layout", "discord", "--json"]);
    let space: Value = serde_json::from_str(text(&vouched.stdout)).unwrap();
    assert_eq!(space["space"]["grants_in_ms"], 0, "the state that init leaves");
    assert_fails(
        &store.run(&["leases", "reclaim", "0", "--yes"], &["--layout", "discord"]),
        1,
        &["no record of worker 0"],
    );
    assert_fails(&run(&["leases", "init"], ""), 2, &["<URL>"]);
    assert_fails(&run(&["leases"], ""), 2, &["<URL>"]);
}

#[test]
fn a_store_that_does_not_grant_yet_has_a_state_in_json() {
    let store = Store::empty("json");
    assert!(store.run(&["leases"], &["init", "--beside", "--workers", "7"]).status.success());
    let output = store.run(&["leases", "--json"], &[]);
    let state: Value = serde_json::from_str(text(&output.stdout)).expect("one object");
    let space = &state["space"];
    assert_eq!((&space["workers"], &space["taken"], &space["name"]), (&7.into(), &0.into(), &"".into()));
    assert!(space["layout"].as_str().unwrap().starts_with("41+5+5+12 bits"));
    let left = space["grants_in_ms"].as_u64().unwrap();
    assert!((100_000..=150_000).contains(&left), "{left}");
}

/// On Linux a copied directory is recognised by its inode and the time at which it was made.
#[test]
#[cfg(target_os = "linux")]
fn a_copied_store_is_listed_with_an_error() {
    let store = Store::granting("original", "1");
    assert!(store.run(&["generate"], &[]).status.success());
    let copy = Store::empty("copy");
    for name in fs::read_dir(&store.0).unwrap().map(|entry| entry.unwrap().file_name()) {
        fs::copy(store.0.join(&name), copy.0.join(&name)).unwrap();
    }
    let before = fs::read(copy.0.join("leases")).unwrap();
    for args in [&["leases"][..], &["leases", "--json"]] {
        let listed = copy.run(args, &[]);
        assert_fails(&listed, 1, &["the store is a copy of one that was made elsewhere"]);
        assert!(text(&listed.stdout).lines().count() >= 2, "{}", text(&listed.stdout));
    }
    let json = copy.run(&["leases", "--json"], &[]);
    let state: Value = serde_json::from_str(text(&json.stdout).lines().next().unwrap()).unwrap();
    assert_eq!((&state["space"]["is_copy"], &state["space"]["grants_in_ms"]), (&true.into(), &Value::Null));
    assert_eq!(fs::read(copy.0.join("leases")).unwrap(), before, "a listing changes nothing");
}

#[test]
fn only_an_operator_creates_a_missing_space() {
    let store = Store::empty("absent");
    let refusal = [
        "there is no ID space in the directory",
        "within 40 s",
        "init (the new space grants no lease in its first 150 s)",
    ];
    assert_fails(&store.run(&["generate"], &["--lease-wait", "0.001"]), 1, &refusal);
    assert_fails(&store.run(&["leases"], &[]), 1, &refusal);
    assert_fails(&store.run(&["leases", "--json"], &[]), 1, &refusal);
    assert!(fs::read_dir(&store.0).unwrap().next().is_none(), "nothing was written");
    let created = store.run(&["leases"], &["init", "--beside", "--workers", "7"]);
    let space = format!("the ID space in file:///{}", store.path());
    let expected = format!("created {space} with 7 workers: it grants leases in 150 s\n");
    assert_eq!(text(&created.stdout), expected, "{}", text(&created.stderr));
    let listed = store.run(&["leases"], &[]);
    assert!(text(&listed.stdout).contains("it grants leases in 150 s"), "{}", text(&listed.stdout));
    assert_fails(
        &store.run(&["generate"], &["--lease-wait", "0.001"]),
        1,
        &["it grants leases in 150 s", "--immediately"],
    );
    for again in [&["init"][..], &["init", "--workers", "7"]] {
        let output = store.run(&["leases"], again);
        assert_eq!(text(&output.stdout), "the ID space exists, with 7 workers: nothing was changed\n");
    }
    assert_fails(&store.run(&["leases"], &["init", "--workers", "8"]), 1, &["exists, with 7 workers", "--immediately"]);
    assert_fails(&store.run(&["leases"], &["init", "--layout", "sonyflake"]), 2, &["41+5+5+12"]);
    let unsure = store.run(&["leases"], &["init", "--immediately"]);
    assert_fails(&unsure, 2, &["--yes", &format!("Has every process that held a lease of {space} ended for good?")]);
    let vouched = store.run(&["leases"], &["init", "--immediately", "--yes"]);
    assert_eq!(text(&vouched.stdout), format!("{space} grants 7 workers\n"), "{}", text(&vouched.stderr));
    assert!(store.run(&["generate"], &[]).status.success());
}

#[test]
fn an_operator_lists_and_frees_workers() {
    let store = Store::granting("operator", "2");
    let listed = store.run(&["leases"], &[]);
    assert!(text(&listed.stdout).contains("0 of 2 workers are taken."), "{}", text(&listed.stdout));
    let mut node =
        crate::common::casflake(&["node", "--lease", &format!("file:{}", store.0.display())]).spawn().unwrap();
    let init = r#"{"src": "c", "dest": "n", "body": {"type": "init", "msg_id": 1, "node_id": "n", "node_ids": ["n"]}}"#;
    let mut stdin = node.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{init}\n").as_bytes()).unwrap();
    let mut reply = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(node.stdout.take().unwrap()), &mut reply).unwrap();
    assert!(reply.contains("init_ok"), "{reply}");
    let listed = store.run(&["leases"], &[]);
    let listed = text(&listed.stdout);
    assert!(listed.contains(&format!(":{}", node.id())) && listed.contains("1 of 2 workers are taken."), "{listed}");
    let owner = format!(":{}", node.id());
    let unconfirmed = store.run(&["leases"], &["reclaim", "0"]);
    assert_fails(&unconfirmed, 2, &["--yes", " ended for good? If so, worker 0 of the ID space in file:", &owner]);
    let unconfirmed = store.run(&["leases"], &["init", "--immediately"]);
    assert_fails(&unconfirmed, 2, &["--yes", "Worker 0 is held by ", &owner]);
    assert!(store.rows()[0]["owner"].is_string(), "nothing was done");
    assert_fails(&store.run(&["leases"], &["reclaim", "0/0/0", "--yes"]), 2, &["0/0/0", "is not a worker"]);
    let released = store.run(&["leases"], &["reclaim", "0/0", "--yes"]);
    assert_eq!(text(&released.stdout), "worker 0 is free\n");
    assert_eq!(store.rows()[0]["owner"], Value::Null);
    node.kill().unwrap();
    node.wait().unwrap();
}

/// Would catch: an owner with a text that writes on the terminal of an operator who lists the leases.
#[test]
fn an_owner_is_listed_on_one_line_of_printable_characters() {
    let store = Store::granting("owner", "2");
    let owner = "say \"ü\"\u{1b}[31m\nb\u{202e}";
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), owner);
    FileStore::new(&store.0).acquire(&request).unwrap();
    let listed = store.run(&["leases"], &[]);
    let listed = text(&listed.stdout);
    assert!(listed.contains("say \"ü\"\\u{1b}[31m\\nb\\u{202e}  20"), "{listed}");
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert_eq!(store.rows()[0]["owner"], owner, "JSON has the owner unchanged");
}

#[test]
fn leases_of_a_custom_layout_are_listed_and_freed() {
    let store = Store::empty("own");
    let layout = Layout::new(41, 0, 10, 12).with_epoch_unix_ms(1_600_000_000_000);
    let own = ["--bits", "41,0,10,12", "--epoch", "1600000000000"];
    let output = store.run(&["leases"], &[&["init", "--beside", "--immediately", "--yes"][..], &own].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut file = FileStore::new(&store.0);
    let request = AcquireRequest::new(&layout, Token::random().unwrap(), Duration::from_secs(60), "a holder");
    file.acquire(&request).unwrap();
    assert_fails(&store.run(&["leases"], &[]), 2, &["41+0+10+12", "1600000000000", "--bits"]);
    let listed = store.run(&["leases"], &own);
    assert!(text(&listed.stdout).contains("a holder"), "{}", text(&listed.stderr));
    let released = store.run(&[&["leases"][..], &own].concat(), &["reclaim", "0", "--yes"]);
    assert_eq!(text(&released.stdout), "worker 0 is free\n", "{}", text(&released.stderr));
    assert_eq!(file.survey().unwrap().workers[0].owner, None);
    assert_fails(&store.run(&["leases"], &["--bits", "41,0,10,12"]), 2, &["--epoch"]);
}

/// Would catch: a URL from a file or a secret with a line break that makes it another store.
#[test]
fn a_url_means_the_same_with_white_space_around_it() {
    let store = Store::granting("url", "4");
    let path = store.0.display().to_string().replace('\\', "/");
    let path = path.trim_start_matches('/');
    for url in [
        format!("file:///{path}\n"),
        format!(" file:///{path}\r\n\t"),
        format!("\u{feff}file://localhost/{path}/"),
        format!("FILE:///{path}"),
        format!("file:///{}", path.replace("casflake", "%63asflake")),
    ] {
        let output = run(&["leases", &url], "");
        assert!(output.status.success(), "{url:?}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("of 4 workers"), "{url:?}: {}", text(&output.stdout));
        let output = run(&["generate", "--lease", &url], "");
        assert!(output.status.success(), "{url:?}: {}", text(&output.stderr));
    }
    for (url, word) in [
        (format!("file:///{path}\n/"), "U+000A"),
        (format!("file:///{path}#"), "one ID space"),
        (format!("file:{path}"), "relative"),
        (format!("file://host/{path}"), "another host"),
    ] {
        for command in [&["leases"][..], &["generate", "--lease"]] {
            assert_fails(&run(&[command, &[&url]].concat(), ""), 2, &["the store's URL", word]);
        }
    }
}

#[cfg(feature = "redis")]
#[test]
fn the_reason_why_a_server_is_missing_is_reported_once() {
    let output = run(&["leases", "redis://127.0.0.1:1"], "");
    assert_fails(&output, 1, &["127.0.0.1:1", "refused"]);
    assert_eq!(text(&output.stderr).matches("refused").count(), 1, "{}", text(&output.stderr));
}

#[cfg(feature = "postgres")]
#[test]
fn url_parameters_of_other_clients_are_named_and_ignored() {
    let url = "postgres://me:secret@127.0.0.1:1/ids?pgbouncer=true&connection_limit=1&sslmode=disable";
    for command in [&["leases"][..], &["generate", "--lease"]] {
        let output = run(&[command, &[url]].concat(), "");
        // The server is not there, and that is the next error.
        let said = ["for other clients: pgbouncer, connection_limit", "PostgreSQL at 127.0.0.1:1, database \"ids\""];
        assert_fails(&output, 1, &said);
        assert!(!text(&output.stderr).contains("secret"), "{}", text(&output.stderr));
    }
    assert_fails(&run(&["leases", &url.replace("pgbouncer", "bouncer")], ""), 2, &["`bouncer`"]);
}

/// Would catch: an error for a wrong clock that tells the operator to initialise the store again, or to wait for a day.
#[test]
fn a_store_whose_clock_moved_back_is_reported_to_be_behind() {
    let store = Store::empty("behind");
    let tomorrow = ManualClock::new(SystemClock.unix_ms() + 86_400_000);
    FileStore::with_clock(&store.0, tomorrow).init_immediately(&Standard::LAYOUT, 3).unwrap();
    let output = store.run(&["generate", "--lease-wait", "1"], &[]);
    let error = text(&output.stderr);
    assert!(!output.status.success() && error.contains("the store's clock is 86"), "{error}");
    let output = store.run(&["leases"], &[]);
    let list = text(&output.stdout);
    assert!(list.contains("The store's clock is 86") && list.contains("s behind"), "{list}");
    let json = store.run(&["leases", "--json"], &[]);
    let state: Value = serde_json::from_str(text(&json.stdout).lines().next().unwrap()).unwrap();
    assert_eq!((&state["space"]["is_copy"], &state["space"]["grants_in_ms"]), (&false.into(), &Value::Null));
    assert!(state["space"]["clock_behind_ms"].as_u64().unwrap() > 86_000_000, "{state}");
    for said in [error, list] {
        assert!(!said.contains("new") && !said.contains("init") && !said.contains("grants"), "{said}");
    }
}

/// Would catch: a store with a clock before the layout's epoch that tells the operator to wait for years.
#[test]
fn a_listing_fails_if_the_store_clock_is_outside_the_layout() {
    let store = Store::empty("outside");
    let layout = Layout::new(41, 0, 10, 12).with_epoch_unix_ms(4_102_444_800_000);
    let then = ManualClock::new(layout.epoch_unix_ms() + 1000);
    FileStore::with_clock(&store.0, then).init_immediately(&layout, 3).unwrap();
    let own = ["--bits", "41,0,10,12", "--epoch", "2100-01-01"];
    for args in [&["leases"][..], &["leases", "--json"]] {
        let said = ["the store's clock reads", "epoch is 4102444800000 ms", "set the clock"];
        assert_fails(&store.run(args, &own), 1, &said);
    }
}

/// Would catch: "3 of 1 worker is taken".
#[test]
fn workers_beyond_the_size_of_the_space_do_not_count_as_taken() {
    let store = Store::granting("fewer", "3");
    let mut file = FileStore::new(&store.0);
    for _ in 0..3 {
        let request =
            AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "a holder");
        file.acquire(&request).unwrap();
    }
    file.init_immediately(&Standard::LAYOUT, 1).unwrap();
    let listed = store.run(&["leases"], &[]);
    assert!(text(&listed.stdout).contains("1 of 1 worker is taken."), "{}", text(&listed.stdout));
}
