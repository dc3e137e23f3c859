//! Home Assistant's device discovery: one message for the board, one for each camera.
//!
//! Keys and values are those of Home Assistant's MQTT integration (`homeassistant/components/mqtt`: `schemas.py` for the device,
//! its origin and its availability, and the file of each platform).

use serde_json::{Map, Value, json};

use super::{running::zones, topics::Topics};
use crate::{
    config::{self, Pictures},
    counting,
    event::external,
    message::EventState,
    stage,
    system::board,
};

/// Kinds of events that are a device class of binary sensors in Home Assistant.
const DEVICE_CLASSES: &[&str] =
    &["motion", "occupancy", "presence", "problem", "smoke", "sound", "tamper", "vibration"];

/// What all messages say of this board.
#[derive(Debug)]
pub(super) struct Discovery<'a> {
    pub(super) settings: &'a config::Mqtt,
    pub(super) board: &'a str,
    pub(super) topics: &'a Topics,
}

impl Discovery<'_> {
    /// The message for the board.
    pub(super) fn board(&self) -> Value {
        let id = self.id(None);
        let health = self.topics.board("health");
        let sensor = |key: &str, name: &str, more: Value| {
            let mut sensor = json!({
                "platform": "sensor",
                "name": name,
                "unique_id": format!("{id}_{key}"),
                "state_topic": health,
                "value_template": format!("{{{{ value_json.{key} }}}}"),
                "state_class": "measurement",
                "entity_category": "diagnostic",
            });
            add(&mut sensor, more);
            sensor
        };
        let problem = |key: &str, name: &str| {
            json!({
                "platform": "binary_sensor",
                "name": name,
                "unique_id": format!("{id}_{key}"),
                "state_topic": health,
                "value_template": format!("{{{{ 'ON' if value_json.{key} else 'OFF' }}}}"),
                "device_class": "problem",
                "entity_category": "diagnostic",
            })
        };
        let disabled = json!({ "enabled_by_default": false });
        let age = json!({ "unit_of_measurement": "ms", "device_class": "duration", "enabled_by_default": false });
        let temperature = json!({ "unit_of_measurement": "°C", "device_class": "temperature" });
        let mut components = json!({
            "live": sensor("live", "Cameras live", json!({})),
            "fps": sensor("fps", "Frames per second", disabled),
            "age_p99_ms": sensor("age_p99_ms", "Age p99", age),
        });
        // Only what this board measures: others would be unknown forever.
        if board::temperature_c().is_some() {
            components["temperature_c"] = sensor("temperature_c", "Temperature", temperature);
        }
        if board::is_under_voltage().is_some() {
            components["under_voltage"] = problem("under_voltage", "Under-voltage");
        }
        json!({
            "device": self.device(None),
            "origin": origin(),
            "availability": [self.board_availability()],
            "components": components,
        })
    }

    /// The message for a camera, which was configured otherwise before a reload.
    pub(super) fn camera(&self, camera: &config::Camera, earlier: Option<&config::Camera>) -> Value {
        let name = camera.name.as_str();
        let id = self.id(Some(name));
        let (unique, topic) = (|key: &str| format!("{id}_{key}"), |what: &str| self.topics.camera(name, what));
        let mut components = Map::new();
        let mut add = |key: &str, component: Value| components.insert(key.to_owned(), component);
        // A camera that is lost sees nothing, which is not the same as that nothing happens.
        let sees = json!([self.board_availability(), {
            "topic": topic("state"),
            "value_template": "{{ 'online' if value in ['live', 'silent'] else 'offline' }}",
        }]);
        let sensor = |key: &str, name: &str, topic: String| {
            let mut sensor = json!({
                "platform": "binary_sensor",
                "name": name,
                "unique_id": unique(key),
                "state_topic": topic,
                "availability": sees,
                "availability_mode": "all",
            });
            if let Some(class) = DEVICE_CLASSES.iter().find(|class| **class == key) {
                sensor["device_class"] = (*class).into();
            }
            sensor
        };
        for kind in camera.event_kinds().into_iter().filter(|kind| *kind != counting::CROSSING) {
            add(kind, sensor(kind, &capitalised(kind), topic(kind)));
        }
        for zone in zones(camera) {
            let key = format!("zone_{zone}");
            let mut component = sensor(&key, &format!("Zone {zone}"), topic(&format!("zone/{zone}")));
            component["device_class"] = "motion".into(); // events with zones are of things that move there
            add(&key, component);
        }
        for (key, count) in counts(camera) {
            let mut component = json!({
                "platform": "sensor",
                "name": count.name,
                "unique_id": unique(&key),
                "state_topic": topic("counts"),
                "value_template": format!("{{{{ {} }}}}", count.template),
                "state_class": count.state_class,
            });
            if count.is_of_now {
                self::add(&mut component, json!({ "availability": sees, "availability_mode": "all" }));
            }
            add(&key, component);
        }
        let event = json!({
            "platform": "event",
            "name": "Event",
            "unique_id": unique("event"),
            "state_topic": topic("event"),
            "event_types": event_types(camera),
        });
        add("event", event);
        let picture = match self.settings.pictures {
            Pictures::Off => None,
            Pictures::Jpeg => Some(json!({ "image_topic": topic("picture"), "content_type": "image/jpeg" })),
            Pictures::Url => Some(json!({ "url_topic": topic("picture_url") })),
        };
        if let Some(source) = picture {
            let mut image = json!({ "platform": "image", "name": "Last event", "unique_id": unique("picture") });
            self::add(&mut image, source);
            add("picture", image);
        }
        let connected = json!({
            "platform": "binary_sensor",
            "name": "Connected",
            "unique_id": unique("connected"),
            "state_topic": topic("state"),
            "value_template": "{{ 'OFF' if value in ['lost', 'never'] else 'ON' }}",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        });
        add("connected", connected);
        if self.settings.commands {
            let switch = json!({
                "platform": "switch",
                "name": "Detection",
                "unique_id": unique("enabled"),
                "state_topic": topic("enabled"),
                "command_topic": topic("enabled/set"),
                "entity_category": "config",
            });
            add("enabled", switch);
        }
        // Home Assistant keeps what a message does not mention. A component with its platform alone takes it away, and does no harm
        // where there was none.
        let mut take_away = |key: &str, platform: &str| {
            components.entry(key).or_insert_with(|| json!({ "platform": platform }));
        };
        take_away("picture", "image");
        take_away("enabled", "switch");
        stage::event_kinds().for_each(|kind| take_away(kind, "binary_sensor"));
        counting::EVENT_KINDS.iter().for_each(|kind| take_away(kind, "binary_sensor"));
        for zone in earlier.map(zones).unwrap_or_default() {
            take_away(&format!("zone_{zone}"), "binary_sensor");
        }
        for (key, _) in earlier.map(counts).unwrap_or_default() {
            take_away(&key, "sensor");
        }
        json!({
            "device": self.device(Some(name)),
            "origin": origin(),
            "availability": [self.board_availability()],
            "components": components,
        })
    }

    fn id(&self, camera: Option<&str>) -> String {
        // With a character that no name has between the two, so that no two devices have the same.
        camera.map_or_else(|| format!("fovea_{}", self.board), |camera| format!("fovea_{}.{camera}", self.board))
    }

    fn device(&self, camera: Option<&str>) -> Value {
        let mut device = json!({
            "identifiers": [self.id(camera)],
            "name": camera.map_or_else(|| format!("fovea {}", self.board), |camera| format!("{} {camera}", self.board)),
            "manufacturer": "fovea",
            "model": if camera.is_some() { "camera" } else { "board" },
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        if camera.is_some() {
            device["via_device"] = self.id(None).into();
        }
        if let Some(url) = &self.settings.page_url {
            device["configuration_url"] = url.as_str().into();
        }
        device
    }

    fn board_availability(&self) -> Value {
        json!({ "topic": self.topics.board("state") })
    }
}

/// A number in the topic `counts`, as a sensor.
struct Count {
    name: String,
    /// Where the number is in the payload.
    template: String,
    state_class: &'static str,
    /// Whether only a camera that sees can say it.
    is_of_now: bool,
}

/// What is counted of a camera, each under the key of its sensor.
fn counts(camera: &config::Camera) -> Vec<(String, Count)> {
    let of_line = |line: &str, direction: &str| {
        let count = Count {
            name: format!("{} {direction}", capitalised(line)),
            template: format!("value_json.lines['{line}']['{direction}']"),
            state_class: "total_increasing",
            is_of_now: false,
        };
        // With a character that no name has between the two.
        (format!("line_{line}.{direction}"), count)
    };
    let of_zone = |zone: &str| {
        let count = Count {
            name: format!("Tracks in {zone}"),
            template: format!("value_json.zones['{zone}'].now"),
            state_class: "measurement",
            is_of_now: true,
        };
        (format!("tracks_{zone}"), count)
    };
    let lines = camera.lines.iter().flat_map(|line| line.directions().map(|direction| of_line(line.name(), direction)));
    lines.chain(zones(camera).into_iter().map(of_zone)).collect()
}

/// The type of an event in Home Assistant: `motion_start`.
pub(super) fn event_type(kind: &str, state: EventState) -> String {
    format!("{kind}_{}", state.as_str())
}

fn event_types(camera: &config::Camera) -> Vec<String> {
    let states = [EventState::Start, EventState::Update, EventState::End];
    let kinds = camera.event_kinds().into_iter().chain([external::KIND]);
    kinds.flat_map(|kind| states.map(|state| event_type(kind, state))).collect()
}

fn origin() -> Value {
    json!({ "name": "fovea", "sw_version": env!("CARGO_PKG_VERSION") })
}

/// `motion` as `Motion`.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn add(to: &mut Value, more: Value) {
    if let (Value::Object(to), Value::Object(more)) = (to, more) {
        to.extend(more);
    }
}
