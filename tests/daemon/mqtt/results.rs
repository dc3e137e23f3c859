//! Results of frames, for those who want them.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{broker::Broker, events::start};
use crate::support::client::{Client, GREY, V1};

const TOPIC: &str = "fovea/barn/yard/result";

/// Sends frames to both cameras for so long, a hundred a second if the machine is idle; gives how many had results.
fn send(sender: &mut Client, how_long: Duration) -> u64 {
    let began = Instant::now();
    let mut seq = 0;
    while began.elapsed() < how_long {
        seq += 1;
        let frame = V1 { format: GREY, size: (16, 16), seq, picture: &[100; 256], ..V1::default() };
        sender.send(frame.message());
        sender.next_of("result");
        thread::sleep(Duration::from_millis(10)); // a camera that sends at a rate
    }
    seq
}

#[test]
fn each_result_comes_if_all_are_wanted() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("results = \"all\""), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    let mut sender = Client::connect_v1(&daemon, "/frames/yard?results");
    let mut expected = Vec::new();
    for seq in 1..=20 {
        let frame = V1 { format: GREY, size: (16, 16), seq, picture: &[100; 256], ..V1::default() };
        sender.send(frame.message());
        expected.push(sender.next_of("result"));
        watcher.wait_for(TOPIC, |message| message.json()["seq"] == seq);
    }
    let got = watcher.on(TOPIC);
    assert!(got.iter().all(|message| message.qos == 0 && !message.is_retained), "{got:?}");
    assert_eq!(got.iter().map(|message| message.json()).collect::<Vec<_>>(), expected);
}

#[test]
fn one_result_a_second_comes_or_none() {
    for (keys, wanted) in [("results = \"1/s\"", 1..=8), ("", 0..=0)] {
        let Some(broker) = Broker::start() else { return };
        let watcher = broker.watch();
        let daemon = start(&broker.table(keys), &[]);
        watcher.wait_for_text("fovea/barn/state", "online");
        let mut sender = Client::connect_v1(&daemon, "/frames/yard?results");
        let began = Instant::now();
        let sent = send(&mut sender, Duration::from_secs(4));
        super::events::trigger(&daemon, "yard", "last");
        watcher.wait_for("fovea/barn/yard/event", |_| true);
        let came = u64::try_from(watcher.on(TOPIC).len()).expect("few");
        // On a busy machine the seconds are longer.
        let most = if *wanted.end() == 0 { 0 } else { began.elapsed().as_secs() + 3 };
        assert!(*wanted.start() <= came && came <= most, "{came} of {sent} in {:?}", began.elapsed());
    }
}
