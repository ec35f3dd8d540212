//! Defends I5 for workers: a datacenter or worker that does not fit is refused, and so is a text that is not a worker.
//! The error has the value, the bound and a remedy.

#![cfg(feature = "std")]

use std::process::Command;

use casflake::{
    Discord, Instagram, JsSafe, Scheme, Sonyflake, Standard, Twitter, WorkerId, WorkerIdError, WorkerTextError,
};

#[test]
fn i5_a_datacenter_or_worker_that_does_not_fit_is_refused_with_its_bound() {
    assert_eq!(WorkerId::new(32, 0), Err(WorkerIdError::Datacenter { value: 32, max: 31 }));
    assert_eq!(WorkerId::new(0, 32), Err(WorkerIdError::Worker { value: 32, max: 31 }));
    assert_eq!(WorkerId::new(u64::MAX, u64::MAX), Err(WorkerIdError::Datacenter { value: u64::MAX, max: 31 }));
    assert_eq!(WorkerId::<JsSafe>::new_in(1, 0), Err(WorkerIdError::Datacenter { value: 1, max: 0 }));
    assert_eq!(WorkerId::<Sonyflake>::new_in(0, 65_536), Err(WorkerIdError::Worker { value: 65_536, max: 65_535 }));
    assert_eq!(WorkerId::<Standard>::from_index(1024), Err(WorkerIdError::Index { value: 1024, max: 1023 }));
    assert_eq!(WorkerId::<JsSafe>::from_index(32), Err(WorkerIdError::Index { value: 32, max: 31 }));
    assert_eq!(WorkerId::<Standard>::from_index(u64::MAX), Err(WorkerIdError::Index { value: u64::MAX, max: 1023 }));
}

#[test]
fn a_fixed_worker_is_the_checked_one() {
    const FIXED: WorkerId = WorkerId::fixed::<31, 31>();
    assert_eq!(Ok(FIXED), WorkerId::new(31, 31));
    assert_eq!(Ok(WorkerId::<Instagram>::fixed_in::<0, 8191>()), WorkerId::new_in(0, 8191));
}

/// Checks every worker of a scheme by each of its names: numbers, index and text.
fn every_name_leads_back<S: Scheme>() {
    let workers = S::LAYOUT.max_worker() + 1;
    let mut index = 0;
    for datacenter in 0..=S::LAYOUT.max_datacenter() {
        for number in 0..workers {
            let worker = WorkerId::<S>::new_in(datacenter, number).expect("a worker");
            assert_eq!((worker.datacenter(), worker.worker(), worker.index()), (datacenter, number, index));
            assert_eq!(WorkerId::from_index(index), Ok(worker));
            assert_eq!(index.to_string().parse(), Ok(worker));
            assert_eq!(worker.to_string(), format!("{datacenter}/{number}"));
            assert_eq!(worker.to_string().parse(), Ok(worker));
            assert_eq!(WorkerId::from_ordinal(&format!("web-{index}")), Ok(worker));
            index += 1;
        }
    }
    let beyond = WorkerIdError::Index { value: index, max: index - 1 };
    assert_eq!(WorkerId::<S>::from_index(index), Err(beyond));
    assert_eq!(index.to_string().parse::<WorkerId<S>>(), Err(beyond.into()));
}

#[test]
fn every_worker_of_every_scheme_has_one_index_and_one_text() {
    every_name_leads_back::<Standard>();
    every_name_leads_back::<Twitter>();
    every_name_leads_back::<Discord>();
    every_name_leads_back::<Instagram>();
    every_name_leads_back::<Sonyflake>();
    every_name_leads_back::<JsSafe>();
}

#[test]
fn i5_a_text_that_is_not_a_worker_is_refused() {
    let texts = [
        "", " ", "/", "1/", "/1", "1/2/3", "+1", "-1", "1 ", " 1", "1/ 2", "+1/2", "1/+2", "0x1", "1.0", "१", "1:2",
        "one",
    ];
    for text in texts {
        let refused = WorkerTextError::NotAWorker { text: text.to_owned() };
        assert_eq!(text.parse::<WorkerId>(), Err(refused), "{text:?}");
    }
    assert_eq!("32/0".parse::<WorkerId>(), Err(WorkerIdError::Datacenter { value: 32, max: 31 }.into()));
    assert_eq!("0/32".parse::<WorkerId>(), Err(WorkerIdError::Worker { value: 32, max: 31 }.into()));
    assert_eq!("1024".parse::<WorkerId>(), Err(WorkerIdError::Index { value: 1024, max: 1023 }.into()));
    let digits = "9".repeat(30);
    let too_long = |max| WorkerTextError::TooLong { digits: digits.clone(), max };
    assert_eq!(digits.parse::<WorkerId>(), Err(too_long(1023)));
    assert_eq!(format!("{digits}/0").parse::<WorkerId>(), Err(too_long(31)));
    assert_eq!(format!("0/{digits}").parse::<WorkerId<Sonyflake>>(), Err(too_long(65_535)));
    let hostname = format!("web-{digits}");
    let refused = WorkerTextError::Hostname { hostname: hostname.clone(), cause: too_long(1023).into() };
    assert_eq!(WorkerId::<Standard>::from_ordinal(&hostname), Err(refused));
}

#[test]
fn i5_a_worker_has_no_text_with_leading_zeros() {
    for (text, digits) in [("007", "007"), ("00", "00"), ("01/5", "01"), ("1/05", "05")] {
        let refused = WorkerTextError::LeadingZeros { digits: digits.to_owned() };
        assert_eq!(refused.to_string(), format!("number {digits} has leading zeros: remove them"));
        assert_eq!(text.parse::<WorkerId>(), Err(refused), "{text}");
    }
    assert_eq!("0".parse::<WorkerId>(), Ok(WorkerId::fixed::<0, 0>()));
    assert_eq!("0/0".parse::<WorkerId>(), Ok(WorkerId::fixed::<0, 0>()));
}

/// The documentation warns of such names.
#[test]
fn an_address_or_a_version_at_the_end_of_a_host_name_reads_as_an_ordinal() {
    for (hostname, index) in [("ip-10-0-3-17", 17), ("ubuntu-22", 22)] {
        assert_eq!(WorkerId::<Standard>::from_ordinal(hostname).map(WorkerId::index), Ok(index), "{hostname}");
    }
}

#[test]
fn the_ordinal_of_a_stateful_set_is_the_index() {
    let ordinals = [
        ("web-0", 0),
        ("web-3", 3),
        ("web-10", 10),
        ("my-app-7", 7),
        ("web-3.web.ns.svc.cluster.local", 3),
        ("web-3.web-9", 3),
        ("web-1023", 1023),
        ("a--5", 5),
    ];
    for (hostname, index) in ordinals {
        assert_eq!(WorkerId::<Standard>::from_ordinal(hostname).map(WorkerId::index), Ok(index), "{hostname}");
    }
}

#[test]
fn i5_a_host_name_without_an_ordinal_is_refused() {
    let names = [
        "",
        ".",
        "-",
        "web",
        "web-",
        "-3",
        "web3",
        "3",
        "web-03",
        "web-00",
        "web-+3",
        "web-3a",
        "web- 3",
        "web-३",
        "web.ns-3",
        "web-x.ns-3",
    ];
    for hostname in names {
        let refused = WorkerTextError::NoOrdinal { hostname: hostname.to_owned() };
        assert_eq!(WorkerId::<Standard>::from_ordinal(hostname), Err(refused), "{hostname:?}");
    }
    for value in [1024, u64::MAX] {
        let (hostname, cause) = (format!("web-{value}"), WorkerIdError::Index { value, max: 1023 });
        let refused = WorkerTextError::Hostname { hostname: hostname.clone(), cause: Box::new(cause.into()) };
        assert_eq!(WorkerId::<Standard>::from_ordinal(&hostname), Err(refused.clone()));
        assert_eq!(refused.to_string(), format!("host name {hostname:?}: {cause}"));
    }
}

#[cfg(all(feature = "hostname", target_os = "linux"))]
#[test]
fn the_machines_host_name_is_read_as_any_other() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("the kernel knows its name");
    assert_eq!(WorkerId::<Standard>::from_hostname(), WorkerId::from_ordinal(name.trim_end()));
}

const VARIABLE: &str = "CASFLAKE_TEST_WORKER";

/// Not a test: the next tests run it as a child process, with the variable set.
#[test]
fn print_the_worker_from_the_environment() {
    let text = match WorkerId::<Standard>::from_env(VARIABLE) {
        Ok(worker) => format!("worker {worker}"),
        Err(error) => error.to_string(),
    };
    println!("<{text}>");
}

/// Returns the outcome of `from_env` in a child process that has this value in the variable. This process can't set its
/// own variables without `unsafe`.
fn from_env(value: Option<&std::ffi::OsStr>) -> String {
    let mut child = Command::new(std::env::current_exe().expect("this test's path"));
    child.args(["--exact", "--nocapture", "print_the_worker_from_the_environment"]).env_remove(VARIABLE);
    if let Some(value) = value {
        child.env(VARIABLE, value);
    }
    let output = child.output().expect("this test runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    text.split_once('<').and_then(|(_, text)| text.split_once('>')).expect("a line between angles").0.to_owned()
}

#[test]
fn a_worker_is_read_from_the_environment() {
    assert_eq!(from_env(Some("37".as_ref())), "worker 1/5");
    assert_eq!(from_env(Some(" 37\n".as_ref())), "worker 1/5", "as a file has it");
    assert_eq!(from_env(Some("31/0".as_ref())), "worker 31/0");
}

#[test]
fn i5_a_variable_that_is_unset_or_is_not_a_worker_is_refused_by_name() {
    let unset = "environment variable CASFLAKE_TEST_WORKER is not set, or is not Unicode: set the variable to an \
                 index such as 37, or to datacenter/worker such as 1/5";
    assert_eq!(from_env(None), unset);
    let refused = "environment variable CASFLAKE_TEST_WORKER: ";
    assert_eq!(from_env(Some("1024".as_ref())), format!("{refused}worker index 1024 is out of range: 0 to 1023"));
    assert_eq!(
        from_env(Some("".as_ref())),
        format!("{refused}\"\" is not a worker: give an index such as 37, or datacenter/worker such as 1/5")
    );
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(from_env(Some(std::ffi::OsStr::from_bytes(b"\xff1"))), unset);
    }
}
