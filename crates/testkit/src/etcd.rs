//! A cluster of one etcd member. A proxy in front of the member can change the dates in the member's replies. To
//! clients, the member's clock then seems to be shifted.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::date_proxy::DateProxy;
use crate::eventually::eventually;
use crate::proxy::Proxy;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::skip::skipped;

pub struct EtcdServer {
    /// `None` while the server is killed.
    child: Option<Child>,
    directory: Scratch,
    /// The directory of etcd's data, below `directory`. Each restore writes the data to a new directory.
    data: PathBuf,
    restores: u32,
    /// The port for clients, and the port for other members.
    ports: [u16; 2],
    proxy: DateProxy,
}

impl EtcdServer {
    /// Starts a new cluster. Returns `None` if etcd is not installed.
    #[track_caller]
    pub fn start() -> Option<Self> {
        if Command::new("etcd").arg("--version").stdout(Stdio::null()).status().is_err() {
            skipped("EtcdStore", "etcd and etcdctl");
            return None;
        }
        Some(Self::start_with(Scratch::new()))
    }

    /// Starts a cluster with the data in `directory`. If there are no data in `directory`, the cluster is a new one.
    fn start_with(directory: Scratch) -> Self {
        let data = directory.path().join("data");
        let ports = free_ports();
        let proxy = DateProxy::start(ports[0]);
        let mut server = Self { child: None, directory, data, restores: 0, ports, proxy };
        // Another process may have taken a port meanwhile.
        for _ in 0..10 {
            if server.try_restart() {
                return server;
            }
            server.ports = free_ports();
            server.proxy.redirect(server.ports[0]);
        }
        panic!("etcd does not start: {}", server.log());
    }

    /// Returns the address of the server itself, and not of the proxy.
    pub fn direct(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    pub fn proxy(&self) -> &DateProxy {
        &self.proxy
    }

    fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        let status = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "{signal}");
    }

    /// Kills the server. This has the same effect as a power failure, because etcd syncs each write to the disk before
    /// etcd acknowledges the write.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            self.proxy.disconnect();
        }
    }

    /// Starts the server again, with the same ports and data.
    pub fn restart(&mut self) {
        assert!(self.try_restart(), "etcd does not start again: {}", self.log());
    }

    fn try_restart(&mut self) -> bool {
        self.kill();
        let [client, peer] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        let log = File::options().create(true).append(true).open(self.directory.path().join("log")).expect("a log");
        let mut command = Command::new("etcd");
        command.args(["--name", "default", "--data-dir"]).arg(&self.data);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        // The member should elect itself soon.
        command.args(["--heartbeat-interval", "20", "--election-timeout", "200"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut child = child.expect("etcd starts");
        let is_up = eventually("etcd answers, or ends", || match child.try_wait() {
            Ok(None) => (self.is_healthy() && self.answers_itself()).then_some(true),
            _ => Some(false),
        });
        self.child = Some(child);
        is_up
    }

    fn is_healthy(&self) -> bool {
        let get = ureq::get(format!("http://{}/health", self.direct())).config().proxy(None);
        let reply = get.timeout_global(Some(Duration::from_secs(5))).build().call();
        reply.is_ok_and(|mut reply| reply.body_mut().read_to_string().is_ok_and(|body| body.contains("true")))
    }

    /// Returns whether the process that this value has started is the server on the port for clients. Another server
    /// may have taken the port. If the reply of the server contains the path of the directory `data`, the server is the
    /// process that this value has started.
    fn answers_itself(&self) -> bool {
        let get = ureq::get(format!("http://{}/debug/vars", self.direct())).config().proxy(None);
        let reply = get.timeout_global(Some(Duration::from_secs(5))).build().call();
        let data = self.data.display().to_string();
        reply.is_ok_and(|mut reply| reply.body_mut().read_to_string().is_ok_and(|body| body.contains(&data)))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Deletes the records of all workers.
    pub fn lose_records(&self) {
        let (first, end) = (base64("/casflake/default/workers/"), base64("/casflake/default/workers0"));
        self.post("/v3/kv/deleterange", &json!({ "key": first, "range_end": end }));
    }

    pub fn get(&self, key: &str) -> Option<String> {
        let reply = self.post("/v3/kv/range", &json!({ "key": base64(key) }));
        let value = reply["kvs"].get(0)?["value"].as_str().unwrap_or_default();
        Some(String::from_utf8(STANDARD.decode(value).expect("base64")).expect("text"))
    }

    pub fn put(&self, key: &str, value: &str) {
        self.post("/v3/kv/put", &json!({ "key": base64(key), "value": base64(value) }));
    }

    /// Returns the IDs of all etcd leases.
    pub fn leases(&self) -> Vec<String> {
        let reply = self.post("/v3/lease/leases", &json!({}));
        let leases = reply["leases"].as_array().cloned().unwrap_or_default();
        leases.iter().map(|lease| lease["ID"].as_str().expect("an ID").to_owned()).collect()
    }

    pub fn revoke(&self, lease: &str) {
        self.post("/v3/lease/revoke", &json!({ "ID": lease }));
    }

    /// Makes a snapshot of the present contents, and restores the snapshot as a cluster with another ID.
    pub fn restore_as_another_cluster(&mut self) {
        let snapshot = self.snapshot();
        self.kill();
        self.data = self.restored();
        restore(&snapshot, &self.data, self.ports[1]);
        self.restart();
    }

    /// Copies the data files of the server, for [`restore_files`](Self::restore_files).
    pub fn copy_files(&mut self) {
        let copy = self.directory.path().join("files");
        let _ = fs::remove_dir_all(&copy);
        self.stop();
        copy_directory(&self.data, &copy);
        self.go_on();
    }

    /// Restores the data files that [`copy_files`](Self::copy_files) has copied. The ID of the cluster stays the same.
    pub fn restore_files(&mut self) {
        self.kill();
        self.data = self.restored();
        copy_directory(&self.directory.path().join("files"), &self.data);
        self.restart();
    }

    /// Starts another cluster. The new cluster has the present contents of this cluster.
    pub fn start_another_cluster(&self) -> Self {
        let directory = Scratch::new();
        // The peer port is that of this cluster. This does not matter, because the new cluster has only one member.
        restore(&self.snapshot(), &directory.path().join("data"), self.ports[1]);
        Self::start_with(directory)
    }

    fn restored(&mut self) -> PathBuf {
        self.restores += 1;
        self.directory.path().join(format!("restored-{}", self.restores))
    }

    fn snapshot(&self) -> PathBuf {
        let snapshot = self.directory.path().join("snapshot");
        let _ = fs::remove_file(&snapshot);
        self.etcdctl(&["snapshot", "save", snapshot.to_str().expect("UTF-8")]);
        snapshot
    }

    pub fn etcdctl(&self, args: &[&str]) {
        etcdctl(Command::new("etcdctl").args(["--endpoints", &self.direct()]).args(args));
    }

    /// Sends a request to the server itself, not through the proxy.
    pub fn post(&self, path: &str, request: &Value) -> Value {
        self.try_post(path, request).unwrap_or_else(|| panic!("{path} failed"))
    }

    fn try_post(&self, path: &str, request: &Value) -> Option<Value> {
        let post = ureq::post(format!("http://{}{path}", self.direct())).config().proxy(None);
        let post = post.timeout_global(Some(Duration::from_secs(5))).build();
        serde_json::from_str(&post.send(request.to_string()).ok()?.body_mut().read_to_string().ok()?).ok()
    }
}

impl Server for EtcdServer {
    fn name(&self) -> &'static str {
        "etcd"
    }

    /// Returns the URL of the proxy. Clients use the server through the proxy.
    fn url(&self) -> String {
        format!("etcd://127.0.0.1:{}", self.proxy.port())
    }

    fn by_proxy(&self) -> Option<(Proxy, String)> {
        let proxy = Proxy::to(self.proxy.port());
        let url = format!("etcd://127.0.0.1:{}", proxy.port());
        Some((proxy, url))
    }

    /// Freezes the process with the signal `STOP`. A frozen process does not even refuse connections.
    fn stop(&self) {
        self.signal("STOP");
        until_stopped(self.child.as_ref().expect("it runs").id());
    }

    fn go_on(&self) {
        self.signal("CONT");
    }

    fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    fn wipe(&self) {
        self.post("/v3/kv/deleterange", &json!({ "key": "AA==", "range_end": "AA==" }));
    }

    fn lose_record(&self, worker: u64) {
        self.post("/v3/kv/deleterange", &json!({ "key": base64(&format!("/casflake/default/workers/{worker}")) }));
    }

    fn copy(&mut self) {
        fs::rename(self.snapshot(), self.directory.path().join("copy")).expect("a snapshot");
    }

    /// Restores the contents that [`copy`](Server::copy) has copied, as a new cluster with another ID. etcd's
    /// documentation describes this procedure.
    fn restore(&mut self) {
        self.kill();
        self.data = self.restored();
        restore(&self.directory.path().join("copy"), &self.data, self.ports[1]);
        self.restart();
    }

    fn set_clock(&self, seconds: i64) {
        self.proxy.set_clock(seconds);
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

fn free_ports() -> [u16; 2] {
    // Both are bound at the same time, so that they differ.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

fn restore(snapshot: &Path, data: &Path, peer: u16) {
    let peer = format!("http://127.0.0.1:{peer}");
    let mut command = Command::new("etcdctl");
    command.args(["snapshot", "restore"]).arg(snapshot).args(["--name", "default", "--data-dir"]).arg(data);
    command.args(["--initial-cluster-token", &format!("{}", data.display())]);
    command.args(["--initial-cluster", &format!("default={peer}"), "--initial-advertise-peer-urls", &peer]);
    etcdctl(&mut command);
}

fn etcdctl(command: &mut Command) {
    let output = command.env("ETCDCTL_API", "3").output().expect("etcdctl is installed where etcd is");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let to = to.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy_directory(&entry.path(), &to),
            _ => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

/// Waits until each thread of a process has stopped. A running thread stops a moment after the signal.
fn until_stopped(process: u32) {
    let is_stopped = || {
        let mut threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
        let stopped = threads.all(|thread| {
            let stat = thread.and_then(|thread| fs::read_to_string(thread.path().join("stat"))).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
        });
        stopped.then_some(())
    };
    eventually("all threads stopped", is_stopped);
}
