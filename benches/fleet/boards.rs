//! Simulated boards: what they see is made up, how they tell it is the daemon's.

use std::{
    borrow::Cow,
    fs,
    io::{BufRead, stdin},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::{
    camera::{Branch, Feed},
    config::{self, Config},
    event_log::{EventLog, EventPicture, Limits},
    frame::{Camera, CapturedBy, Frame, Origin, Size},
    hub::{Hub, Topic, published::Published},
    message::{Event, EventState, Message, Rect},
    output::{
        self, Output,
        mqtt::{Mqtt, Shared},
    },
    slot::Slot,
    status::Status,
    switches::Switches,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};

use crate::broker::used;

/// How often each board has an event.
const EVENT_INTERVAL: Duration = Duration::from_secs(20);

/// How long an event lasts.
const EVENT_TIME: Duration = Duration::from_secs(2);

const CAMERAS: [&str; 2] = ["door", "yard"];

/// A board without its sources and its processor.
struct Board {
    hub: Arc<Hub>,
    log: Arc<EventLog>,
    events: u64,
}

/// Runs boards until a line comes in: those from `first` on, with events for so many seconds. Then says how many event
/// messages there were, and the processor time (ms a second) and memory (MiB) of one board.
pub(crate) fn run(first: usize, count: usize, seconds: usize, port: usize) {
    let jpeg = Bytes::from(fs::read("deploy/pictures/street.jpg").expect("it is a part of the project"));
    let mut boards: Vec<_> = (first..first + count).map(|number| Board::start(number, port)).collect();
    // Nobody has told them what they are to see while they are not connected: all are at first.
    let began = Instant::now();
    let (mut sent, mut next) = (0, 0);
    let mut running = std::collections::VecDeque::new();
    let pause = EVENT_INTERVAL / u32::try_from(count).expect("not so many");
    let until = began + Duration::from_secs(seconds as u64);
    let mut at = began;
    while Instant::now() < until {
        at += pause;
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let event = boards[next].begin(&jpeg);
        running.push_back((Instant::now() + EVENT_TIME, next, event));
        next = (next + 1) % count;
        sent += 1;
        while running.front().is_some_and(|(end, ..)| *end <= Instant::now())
            && let Some((_, board, event)) = running.pop_front()
        {
            boards[board]
                .say(&Event { state: EventState::End, boxes: Vec::new(), at: Monotonic::now().wall(), ..event }, None);
            sent += 1;
        }
    }
    for (_, board, event) in running {
        boards[board]
            .say(&Event { state: EventState::End, boxes: Vec::new(), at: Monotonic::now().wall(), ..event }, None);
        sent += 1;
    }
    if seconds > 0 {
        let all = used(std::process::id());
        let a_second = all.cpu.as_secs_f64() * 1e3 / began.elapsed().as_secs_f64() / count as f64;
        println!("{sent} {a_second} {}", all.resident_mib / count as f64);
    }
    stdin().lock().read_line(&mut String::new()).expect("it is a pipe");
}

impl Board {
    fn start(number: usize, port: usize) -> Self {
        let config = settings(number, port);
        let (hub, slot, status) = (Arc::<Hub>::default(), Slot::<Frame>::new(), Arc::new(Status::new()));
        let feed = |camera: &config::Camera| {
            let metrics = Arc::new(CameraMetrics::new(Camera::new(&camera.name)));
            Arc::new(Feed::new(vec![Arc::new(Branch::new("main".into(), slot.open()))], metrics, hub.clone()))
        };
        status.set(config.cameras.iter().map(feed).collect(), config.cameras.clone());
        let switches = Arc::new(Switches::new(status.clone()).expect("there are descriptors"));
        let log = Arc::new(EventLog::new(Limits { events: 50, picture_bytes: 200_000 }));
        let shared = Shared { hub: hub.clone(), status, switches, log: log.clone() };
        let mqtt = config.mqtt.expect("it is configured");
        let mut output = Mqtt::new(mqtt, shared).expect("it names no files");
        let (queue, subscription) = output::subscribe(&output, &hub).expect("there are descriptors");
        thread::Builder::new()
            .stack_size(512 * 1024)
            .spawn(move || {
                output.run(&queue).expect("there are descriptors");
                drop(subscription);
            })
            .expect("there are threads");
        Self { hub, log, events: 0 }
    }

    /// An event begins; gives its message.
    fn begin(&mut self, jpeg: &Bytes) -> Event {
        self.events += 1;
        let camera = CAMERAS[usize::from(self.events.is_multiple_of(2))];
        let at = Monotonic::now();
        let event = Event {
            camera: camera.to_owned(),
            id: format!("{camera}-{}-{}", at.wall().strftime("%Y%m%dT%H%M%SZ"), self.events),
            kind: Cow::Borrowed("motion"),
            state: EventState::Start,
            at: at.wall(),
            zone: None,
            reason: None,
            boxes: vec![Rect { x: 412, y: 96, width: 60, height: 148 }],
            subject: None,
            label: None,
            score: None,
            age: None,
        };
        let origin =
            Origin { camera: Camera::new(camera), seq: self.events, captured_at: at, captured_by: CapturedBy::Arrival };
        let size = Size { width_px: 768, height_px: 576 };
        // Behind the picture's end: what is the same as before would not be sent again.
        let jpeg = [jpeg, &self.events.to_be_bytes()[..]].concat().into();
        self.say(&event, Some(EventPicture::of_jpeg(origin, size, jpeg, event.boxes.clone())));
        event
    }

    fn say(&self, event: &Event, picture: Option<EventPicture>) {
        self.log.record(event, picture);
        self.hub.announce(Topic::Recorded, &Arc::new(Published::new(Message::Event(event.clone()))));
    }
}

fn settings(number: usize, port: usize) -> Config {
    let cameras = CAMERAS.map(|name| format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n")).concat();
    let text = format!(
        "[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nboard = \"b{number:04}\"\npage_url = \"http://b{number:04}.local:8080\"\n\
         {cameras}"
    );
    Config::parse("fleet", &text).expect("it is valid")
}
