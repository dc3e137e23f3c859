//! Whom the broker lets in, and what it allows them.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use super::{
    broker::{Broker, mosquitto_pub, table},
    events::trigger,
};
use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    pictures::Picture,
};

/// Makes a file of passwords for the broker.
fn passwords(folder: &Path) -> String {
    let file = folder.join("passwords");
    for (options, user, password) in [(&["-c", "-b"][..], "barn", "sesame"), (&["-b"], "other", "open")] {
        let made = Command::new("mosquitto_passwd").args(options).arg(&file).args([user, password]).status();
        assert!(made.is_ok_and(|status| status.success()), "mosquitto_passwd is there");
    }
    format!("allow_anonymous false\npassword_file {}\n", file.display())
}

/// Frames get results, whatever the broker does.
fn frames_get_results(daemon: &Daemon) {
    let mut sender = Client::connect_v1(daemon, "/frames/door?results");
    let rows = Picture::scene(64, 48).pixels;
    for seq in 1..=3 {
        sender.send(V1 { format: GREY, size: (64, 48), seq, picture: &rows, ..V1::default() }.message());
        assert_eq!(sender.next_of("result")["seq"], seq);
    }
}

#[test]
fn the_password_must_be_right() {
    let Some(broker) = Broker::start_with(passwords) else { return };
    let watcher = broker.watch();
    let password = broker.folder.join("password");
    let keys = format!("username = \"barn\"\npassword_file = \"{}\"", password.display());
    let config = format!("{HTTP}{}{DOOR}", broker.table(&keys));
    fs::write(&password, "simsalabim\n").expect("the folder can be written");
    let mut daemon = Daemon::start(&config);
    let line = daemon.wait_for_line("; trying again");
    assert!(line.contains("the broker refuses the login (NotAuthorized): check username and password_file"), "{line}");
    frames_get_results(&daemon);
    eventually("it tries again", || broker.log().matches("New connection from 127.0.0.1").count() >= 2);
    let refused = || broker.log().matches("Sending CONNACK to").count() >= 3;
    eventually("it is refused again", refused);
    let end = daemon.stop();
    assert_eq!((end.code, end.lines_with("; trying again")), (Some(0), 1), "{}", end.log);
    assert!(!end.log.contains("simsalabim"), "{}", end.log);
    assert!(!watcher.got().iter().any(|message| message.topic.starts_with("fovea/")));

    fs::write(&password, "sesame\n").expect("the folder can be written");
    let daemon = Daemon::start(&config);
    watcher.wait_for_text("fovea/barn/state", "online");
    frames_get_results(&daemon);
    watcher.wait_for_text("fovea/barn/door/state", "lost");
}

#[test]
fn a_password_that_is_not_there_is_a_mistake_in_the_configuration() {
    let keys = "username = \"barn\"\npassword_file = \"no-such-file\"";
    let mut broken = Daemon::launch(&format!("{}{DOOR}", table("mqtt://127.0.0.1:1", keys)));
    let end = broken.end();
    assert_eq!(end.code, Some(78), "{}", end.log);
    assert!(end.log.contains("[mqtt]: cannot read ") && end.log.contains("no-such-file"), "{}", end.log);
}

/// As docs/mqtt.md has it: each board writes below its own name, which is its client identifier.
#[test]
fn with_one_acl_for_all_boards_each_has_its_own_topics() {
    let Some(broker) = Broker::start_with(|folder| {
        let acl = folder.join("acl");
        let rules = "pattern readwrite fovea/%c/#\npattern readwrite homeassistant/device/%c/#\n\
                     pattern read homeassistant/status\n";
        fs::write(&acl, rules).expect("the folder was just made");
        format!("{}acl_file {}\n", passwords(folder), acl.display())
    }) else {
        return;
    };
    let watcher = broker.watch();
    let password = broker.folder.join("password");
    fs::write(&password, "sesame\n").expect("the folder can be written");
    let keys = format!(
        "username = \"barn\"\npassword_file = \"{}\"\ndiscovery = \"homeassistant\"\ncommands = true",
        password.display()
    );
    let mut daemon = Daemon::start(&format!("{HTTP}{}{DOOR}", broker.table(&keys)));
    watcher.wait_for_text("fovea/barn/state", "online");
    let of_door = "homeassistant/device/barn/fovea_door/config";
    watcher.wait_for(of_door, |_| true);
    trigger(&daemon, "door", "bell");
    watcher.wait_for("fovea/barn/door/event", |message| message.json()["reason"] == "bell");
    eventually("it listens", || {
        let log = broker.log();
        log.contains("barn 1 fovea/barn/+/event/set") && log.contains("barn 1 homeassistant/status")
    });
    broker.publish("fovea/barn/door/enabled/set", "OFF", &[]);
    watcher.wait_for_text("fovea/barn/door/enabled", "OFF");
    broker.publish("homeassistant/status", "online", &[]);
    eventually("it is announced again", || watcher.on(of_door).len() == 2);

    // Another board, with a login that is as good.
    let as_other =
        |topic: &str| mosquitto_pub(broker.port, topic, "OFF", &["-i", "other", "-u", "other", "-P", "open"]);
    for topic in ["fovea/barn/door/enabled", "fovea/barn/door/motion", of_door, "homeassistant/status", "fovea/other/x"]
    {
        as_other(topic); // MQTT 3.1.1 has no answer for what is not allowed
    }
    watcher.wait_for_text("fovea/other/x", "OFF");
    let end = daemon.stop();
    watcher.wait_for_text("fovea/barn/state", "offline");
    assert_eq!(watcher.texts_on("fovea/barn/door/enabled"), ["ON", "OFF"]);
    assert_eq!(watcher.texts_on("fovea/barn/door/motion"), ["OFF"]);
    assert_eq!((watcher.on(of_door).len(), watcher.on("homeassistant/status").len()), (2, 1));
    assert!(!end.log.contains("check its ACL"), "{}", end.log);
    assert_eq!(json!(end.code), json!(0));
}
