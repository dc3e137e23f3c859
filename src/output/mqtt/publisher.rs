//! What the broker is to get: sets states and keeps events in the [`Outbox`], and makes packets of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use log::debug;
use rumqttc::QoS;
use serde_json::{Value, json};

use super::{
    connection::{ConnectError, Connection},
    discovery::{Discovery, event_type},
    outbox::{Out, Outbox, Repeats},
    running::RunningEvents,
    topics::Topics,
};
use crate::{
    config::{self, Pictures},
    event_log::EventLog,
    hub::published::Published,
    message::{Event, EventState, Message, VERSION},
    picture::jpeg,
    status::Status,
    system::{board, clock::Monotonic},
    telemetry::{
        camera_metrics::Availability,
        output_metrics::{Outcome, OutputMetrics},
    },
};

/// How often it tells how the board does.
const HEALTH_INTERVAL: Duration = Duration::from_secs(60);

/// From then on an event is marked as late.
const LATE: Duration = Duration::from_secs(1);

/// What a board publishes.
pub(super) struct Publisher {
    settings: config::Mqtt,
    /// The name of this board.
    board: String,
    pub(super) topics: Topics,
    status: Arc<Status>,
    log: Arc<EventLog>,
    metrics: Arc<OutputMetrics>,
    pub(super) outbox: Outbox,
    running: RunningEvents,
    /// What was configured for the cameras when their topics were set.
    cameras: Arc<Vec<config::Camera>>,
    /// When the board's health was told, and how many cameras were live then.
    health_told: Option<(Instant, usize)>,
}

impl Publisher {
    pub(super) fn new(
        settings: config::Mqtt,
        board: &str,
        status: Arc<Status>,
        log: Arc<EventLog>,
        metrics: Arc<OutputMetrics>,
    ) -> Self {
        Self {
            topics: Topics::new(&settings.prefix, board, settings.discovery.as_deref()),
            outbox: Outbox::new(settings.max_events),
            settings,
            board: board.to_owned(),
            status,
            log,
            metrics,
            running: RunningEvents::default(),
            cameras: Arc::default(),
            health_told: None,
        }
    }

    /// Takes a message in.
    pub(super) fn take(&mut self, message: &Arc<Published>) {
        match message.message() {
            Message::Event(event) => {
                self.running.observe(event);
                self.set_running();
                if !self.settings.labels.passes(event.label.as_deref()) {
                    return;
                }
                if event.state == EventState::Start {
                    self.set_picture(event);
                }
                let dropped = self.outbox.push(message.clone());
                (0..dropped).for_each(|_| self.metrics.count_dropped());
            }
            Message::Dropped(dropped) => {
                self.outbox.lost(dropped.count);
                self.running.reset(self.log.running());
                self.set_running();
            }
            _ => {}
        }
    }

    /// Takes in how the cameras and the board do.
    pub(super) fn observe(&mut self) {
        let settings = self.status.settings();
        if !Arc::ptr_eq(&settings, &self.cameras) {
            let before = std::mem::replace(&mut self.cameras, settings);
            for gone in before.iter().filter(|before| !self.cameras.iter().any(|camera| camera.name == before.name)) {
                self.outbox.clear_all(&self.topics.camera(&gone.name, ""));
                self.topics.discovery(Some(&gone.name)).into_iter().for_each(|topic| self.outbox.clear(topic));
            }
            self.describe(&before);
            self.clear_pictures(&before);
            self.set_running();
        }
        let retained =
            |outbox: &mut Outbox, topic: String, text: &'static str| outbox.set(topic, text, Repeats::Always);
        retained(&mut self.outbox, self.topics.board("state"), "online");
        let mut live = 0;
        for feed in self.status.cameras().iter() {
            let (name, metrics) = (feed.name(), feed.metrics());
            let state = metrics.state().state;
            live += usize::from(state == Availability::Live);
            retained(&mut self.outbox, self.topics.camera(name, "state"), state.as_str());
            retained(&mut self.outbox, self.topics.camera(name, "enabled"), on_off(metrics.detection()));
            let topic = self.topics.camera(name, "counts");
            match metrics.counts() {
                Some(counts) => {
                    let counts = serde_json::to_vec(&*counts).expect("maps with names as keys");
                    self.outbox.set(topic, counts, Repeats::Always);
                }
                None if self.outbox.has(&topic) => self.outbox.clear(topic),
                None => {}
            }
        }
        if self.health_told.is_none_or(|(at, told)| told != live || at.elapsed() >= HEALTH_INTERVAL) {
            self.health_told = Some((Instant::now(), live));
            let health = self.health(live).to_string();
            self.outbox.set(self.topics.board("health"), health, Repeats::Always);
        }
    }

    /// Has the broker forget pictures that were made without the masks that cameras have now.
    fn clear_pictures(&mut self, before: &[config::Camera]) {
        for camera in self.cameras.iter().filter(|camera| !camera.masks.is_empty()) {
            let is_same = |before: &config::Camera| before.name == camera.name && before.masks == camera.masks;
            if self.settings.pictures == Pictures::Jpeg && !before.iter().any(is_same) {
                self.outbox.clear(self.topics.camera(&camera.name, "picture"));
            }
        }
    }

    /// Sets what does not change until a reload: which cameras there are, and what Home Assistant must know of them.
    fn describe(&mut self, before: &[config::Camera]) {
        let names: Vec<_> = self.cameras.iter().map(|camera| camera.name.as_str()).collect();
        let mut info = json!({
            "v": VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "cameras": names,
            "started_at": format!("{:.6}", self.status.report().started_at),
        });
        if let Some(url) = &self.settings.page_url {
            info["url"] = url.as_str().into();
        }
        self.outbox.set(self.topics.board("info"), info.to_string(), Repeats::Always);
        // Which version is the latest, fovea does not know.
        let update = json!({ "installed_version": env!("CARGO_PKG_VERSION"), "title": "fovea" });
        self.outbox.set(self.topics.board("update"), update.to_string(), Repeats::Always);
        let discovery = Discovery { settings: &self.settings, board: &self.board, topics: &self.topics };
        if let Some(topic) = self.topics.discovery(None) {
            self.outbox.set(topic, discovery.board().to_string(), Repeats::Always);
        }
        for camera in self.cameras.iter() {
            if let Some(topic) = self.topics.discovery(Some(&camera.name)) {
                let earlier = before.iter().find(|before| before.name == camera.name);
                self.outbox.set(topic, discovery.camera(camera, earlier).to_string(), Repeats::Always);
            }
            // Kinds and zones that it has no longer.
            let topics = |camera| self.running.topics(camera, &self.topics).into_iter().map(|(topic, _)| topic);
            let now: Vec<_> = topics(camera).collect();
            let earlier = before.iter().filter(|before| before.name == camera.name).flat_map(topics);
            let gone: Vec<_> = earlier.filter(|topic| !now.contains(topic)).collect();
            gone.into_iter().for_each(|topic| self.outbox.clear(topic));
        }
    }

    /// Sets the topics of what goes on.
    fn set_running(&mut self) {
        for camera in self.cameras.iter() {
            for (topic, is_on) in self.running.topics(camera, &self.topics) {
                self.outbox.set(topic, on_off(is_on), Repeats::Always);
            }
        }
    }

    /// How the board does.
    fn health(&self, live: usize) -> Value {
        let report = self.status.report();
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let ages = report.cameras.iter().filter_map(|camera| camera.age_ms.as_ref()).map(|age| age.p99);
        json!({
            "v": VERSION,
            "live": live,
            "cameras": report.cameras.len(),
            "fps": tenths(report.cameras.iter().map(|camera| camera.fps).sum()),
            "age_p99_ms": ages.reduce(f64::max).map(tenths),
            "rss_bytes": board::resident_bytes(),
            "temperature_c": board::temperature_c().map(tenths),
            "throttled": board::is_throttled(),
            "under_voltage": board::is_under_voltage(),
        })
    }

    /// Sets the topic with the picture of an event.
    fn set_picture(&mut self, event: &Event) {
        match self.settings.pictures {
            Pictures::Off => {}
            Pictures::Url => {
                let url = self.picture_url(event).unwrap_or_default();
                self.outbox.set(self.topics.camera(&event.camera, "picture_url"), url, Repeats::Always);
            }
            Pictures::Jpeg => {
                let Some(picture) = self.log.picture(&event.id) else { return };
                match jpeg::within(picture.frame(), self.settings.max_picture_bytes) {
                    Ok(jpeg) => self.outbox.set(self.topics.camera(&event.camera, "picture"), jpeg, Repeats::Never),
                    Err(error) => debug!("mqtt: the picture of {} cannot be made smaller: {error}", event.id),
                }
            }
        }
    }

    fn picture_url(&self, event: &Event) -> Option<String> {
        Some(format!("{}api/events/{}.jpg", self.settings.page_url.as_ref()?, event.id))
    }

    /// The broker has the packet with this identifier.
    pub(super) fn acknowledged(&mut self, id: u16) {
        if let Some(message) = self.outbox.acknowledged(id) {
            let is_late = waited(&message) >= LATE;
            self.metrics.count(if is_late { Outcome::Late } else { Outcome::Delivered });
        }
    }

    /// Gives the connection what waits, as far as it has room.
    pub(super) fn send(&mut self, connection: &mut Connection) -> Result<(), ConnectError> {
        while connection.has_room()
            && let Some(out) = self.outbox.take()
        {
            let (topic, is_retained, payload) = match out {
                Out::State { topic, payload } => (topic, true, payload.to_vec()),
                Out::Dropped(count) => {
                    let payload = json!({ "v": VERSION, "type": "dropped", "count": count }).to_string();
                    (self.topics.board("dropped"), false, payload.into_bytes())
                }
                Out::Event { message, is_again } => {
                    let Message::Event(event) = message.message() else { continue };
                    (self.topics.camera(&event.camera, "event"), false, self.payload(&message, event, is_again))
                }
            };
            connection.publish(&topic, QoS::AtLeastOnce, is_retained, payload)?;
        }
        Ok(())
    }

    /// The message of an event, with its type for Home Assistant, where its picture is, and how late it is.
    fn payload(&self, message: &Published, event: &Event, is_again: bool) -> Vec<u8> {
        let waited = waited(message);
        let late = (is_again || waited >= LATE).then(|| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        let picture = self.log.picture(&event.id).and_then(|_| self.picture_url(event));
        let members = [
            Some(("event_type", event_type(&event.kind, event.state).into())),
            picture.map(|url| ("picture", url.into())),
            late.map(|late| ("late_ms", late.into())),
        ];
        message.json_with(&members.into_iter().flatten().collect::<Vec<_>>())
    }
}

/// How long the event has waited since it was there with its picture.
fn waited(message: &Published) -> Duration {
    message.announced_at().map_or(Duration::ZERO, |at| Monotonic::now().since(at))
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "ON" } else { "OFF" }
}

#[cfg(test)]
mod tests {
    use crate::{counting, stage};

    /// What a camera's topics are called besides the kinds of its events, and the board's, which look like a camera's.
    const RESERVED: &[&str] = &["state", "zone", "event", "result", "picture", "picture_url", "enabled", "counts"];

    #[test]
    fn no_kind_of_event_has_the_name_of_another_topic() {
        for kind in stage::event_kinds().chain(counting::EVENT_KINDS.iter().copied()) {
            assert!(!RESERVED.contains(&kind), "{kind}: choose another name for the kind of event");
        }
    }
}
