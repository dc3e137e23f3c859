//! What docs/fleet.md has: a broker on the board, and targets for Prometheus.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::{
    broker::{Broker, Watcher, spawn, table},
    encryption,
    events::trigger,
    outage::deliveries,
};
use crate::support::{
    daemon::{DOOR, Daemon, HTTP},
    eventually,
};

/// The broker on the board, configured as the project has it.
#[derive(Debug)]
struct BoardBroker {
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl BoardBroker {
    fn start(central: &Broker) -> Self {
        let folder = central.folder.join("board");
        fs::create_dir(&folder).expect("the folder can be written");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port is free").port();
        let replaced = [
            ("listener 1883", format!("listener {port}")),
            ("CENTRAL:8883", format!("127.0.0.1:{}", central.port)),
            ("bridge_capath /etc/ssl/certs", format!("bridge_cafile {}/ca.pem", central.folder.display())),
            ("BOARD", "barn".to_owned()),
            // A test cannot wait for as long as a board can.
            ("restart_timeout 1 60", "restart_timeout 1".to_owned()),
        ];
        let mut config = include_str!("../../../deploy/fleet/bridge.conf").to_owned();
        for (from, to) in &replaced {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        config.push_str(&format!("user root\npersistence_location {}/\n", folder.display()));
        fs::write(folder.join("mosquitto.conf"), config).expect("the folder was just made");
        let child = spawn(&folder);
        Self { folder, port, child }
    }

    /// Ends in order, as when the board is shut down, and starts again.
    fn restart(&mut self) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).expect("it is our child");
        self.child.wait().expect("it is our child");
        self.child = spawn(&self.folder);
    }
}

impl Drop for BoardBroker {
    fn drop(&mut self) {
        let _ = self.child.kill(); // the test may have ended it
        let _ = self.child.wait();
    }
}

/// Ids and states of the events at a subscriber, as they came.
fn events(watcher: &Watcher) -> Vec<(Value, Value)> {
    let events = watcher.on("fovea/barn/door/event").into_iter().map(|message| message.json());
    events.map(|event| (event["id"].clone(), event["state"].clone())).collect()
}

#[test]
fn a_broker_on_the_board_keeps_each_event_over_an_outage() {
    let Some(mut central) = encryption::start(false, "allow_anonymous true\n") else { return };
    let watcher = central.watch();
    let mut local = BoardBroker::start(&central);
    let daemon = Daemon::start(&format!("{HTTP}{}{DOOR}", table(&format!("mqtt://127.0.0.1:{}", local.port), "")));
    daemon.wait_for_line("mqtt: connected to");
    let mut expected = Vec::new();
    let mut ring = || {
        for _ in 0..3 {
            let id = trigger(&daemon, "door", "bell")["id"].clone();
            expected.extend(["start", "end"].map(|state| (id.clone(), json!(state))));
        }
        expected.clone()
    };
    let first = ring();
    eventually("the central broker has the first events", || events(&watcher).len() >= first.len());
    eventually("it knows that its subscriber has them", || {
        central.log().matches("Received PUBACK from watcher").count() >= watcher.got().len()
    });

    central.end(Signal::SIGTERM);
    let count = ring().len() as u64;
    eventually("the board's broker has them", || {
        deliveries(&daemon, "delivered") + deliveries(&daemon, "late") == count
    });
    local.restart();
    ring();
    central.restart();
    let all = ring();
    eventually("the last event is there", || events(&watcher).last() == all.last());
    // What a broker sent to a subscriber of QoS 1 before it ended it may send again.
    let mut came: Vec<_> = Vec::new();
    events(&watcher).into_iter().for_each(|event| {
        if !came.contains(&event) {
            came.push(event)
        }
    });
    assert_eq!(came, all, "none is lost, and they are in order");
    watcher.wait_for_text("fovea/barn/state", "online");
}

#[test]
fn prometheus_gets_the_boards_that_a_broker_knows() {
    let Some(broker) = Broker::start() else { return };
    let keys = "page_url = \"https://barn.local:8443\"";
    let daemon = Daemon::start(&format!("{}{DOOR}", broker.table(keys)));
    let watcher = broker.watch();
    watcher.wait_for("fovea/barn/info", |_| true);
    for (board, url) in [("attic", "http://attic.local/"), ("cellar", "no URL"), ("den", "https://den")] {
        broker.publish(&format!("fovea/{board}/info"), &json!({ "url": url }).to_string(), &["--retain"]);
    }
    broker.publish("fovea/eaves/info", "{\"v\":1}", &["--retain"]);
    broker.publish("fovea/foyer/info", "no JSON", &["--retain"]);
    let file = broker.folder.join("fovea.json");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fleet/prometheus-targets");
    let run = |port: u16| Command::new(&script).arg(&file).args(["-h", "127.0.0.1", "-p", &port.to_string()]).status();
    assert!(run(broker.port).expect("bash is there").success());
    let targets: Value = serde_json::from_slice(&fs::read(&file).expect("it was written")).expect("it is JSON");
    let target = |board: &str, address: &str, scheme: &str| json!({ "targets": [address], "labels": { "board": board, "__scheme__": scheme } });
    let expected = json!([
        target("attic", "attic.local:80", "http"),
        target("barn", "barn.local:8443", "https"),
        target("den", "den:443", "https"),
    ]);
    assert_eq!(targets, expected);
    drop((daemon, watcher));

    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port is free").port();
    assert!(!run(nobody).expect("bash is there").success());
    assert!(fs::read_to_string(&file).expect("it stays").contains("barn.local"));
}
