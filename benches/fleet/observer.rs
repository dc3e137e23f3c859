//! Counts what arrives from all boards.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use fovea::{
    message::{EventState, Message},
    system::clock::Monotonic,
};
use rumqttc::{Client, Event, MqttOptions, Packet, Publish, QoS};

/// Bytes of a packet: a picture is the largest.
const MAX_PACKET_BYTES: usize = 1 << 20;

/// A client that the broker keeps messages for while it is away.
pub(crate) struct Observer(Arc<Mutex<Counts>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Boards that said so at least once, and at least once more after that.
    pub(crate) online: usize,
    pub(crate) online_again: usize,
    /// Boards whose will came after they were last online.
    pub(crate) offline: usize,
    /// Event messages, each once.
    pub(crate) distinct: usize,
    pub(crate) twice: usize,
    pub(crate) late: usize,
    pub(crate) latest: Duration,
    pub(crate) out_of_order: usize,
    pub(crate) pictures: usize,
    ages: Vec<Duration>,
}

/// What is known of the boards.
#[derive(Default)]
struct Known {
    seen: HashSet<(String, EventState)>,
    /// By topic, the number of the newest event that started.
    newest: HashMap<String, u64>,
    boards: HashMap<String, u32>,
    offline: HashSet<String>,
}

impl Counts {
    pub(crate) fn ages_ms(&self, percent: usize) -> f64 {
        let mut ages = self.ages.clone();
        ages.sort_unstable();
        ages.get(ages.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
    }
}

impl Observer {
    pub(crate) fn start(port: u16) -> Self {
        let mut options = MqttOptions::new("observer", "127.0.0.1", port);
        options.set_clean_session(false).set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES).set_inflight(1000);
        let (client, mut connection) = Client::new(options, 10);
        for topic in ["fovea/+/+/event", "fovea/+/+/picture", "fovea/+/state"] {
            client.subscribe(topic, QoS::AtLeastOnce).expect("there is room in the channel");
        }
        let counts = Arc::<Mutex<Counts>>::default();
        thread::spawn({
            let counts = counts.clone();
            move || {
                let (mut known, _client) = (Known::default(), client);
                for event in connection.iter() {
                    match event {
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            take(&publish, &mut known, &mut counts.lock().expect("nobody panics with it"));
                        }
                        Ok(_) => {}
                        Err(_) => thread::sleep(Duration::from_millis(100)), // the broker is away
                    }
                }
            }
        });
        Self(counts)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

fn take(publish: &Publish, known: &mut Known, counts: &mut Counts) {
    let levels: Vec<_> = publish.topic.split('/').collect();
    match *levels.as_slice() {
        [_, board, "state"] if *publish.payload == *b"online" => {
            let times = known.boards.entry(board.to_owned()).or_default();
            *times += 1;
            counts.online += usize::from(*times == 1);
            counts.online_again += usize::from(*times == 2);
            known.offline.remove(board);
            counts.offline = known.offline.len();
        }
        [_, board, "state"] => {
            known.offline.insert(board.to_owned());
            counts.offline = known.offline.len();
        }
        [_, _, _, "picture"] => counts.pictures += 1,
        _ => {
            let text = String::from_utf8_lossy(&publish.payload);
            let Ok(Message::Event(event)) = Message::from_json(&text) else { panic!("{}: {text}", publish.topic) };
            if !known.seen.insert((format!("{}/{}", levels[1], event.id), event.state)) {
                counts.twice += 1;
                return;
            }
            counts.distinct += 1;
            let members: serde_json::Value = serde_json::from_str(&text).expect("it was just read");
            if let Some(late) = members["late_ms"].as_u64() {
                counts.late += 1;
                counts.latest = counts.latest.max(Duration::from_millis(late));
            } else {
                let age = Monotonic::now().wall().duration_since(event.at);
                counts.ages.push(Duration::try_from(age).unwrap_or_default());
            }
            if event.state == EventState::Start {
                let number = event.id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
                let newest = known.newest.entry(publish.topic.clone()).or_default();
                counts.out_of_order += usize::from(number < *newest);
                *newest = number.max(*newest);
            }
        }
    }
}
