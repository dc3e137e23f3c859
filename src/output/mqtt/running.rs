//! Which events go on, for topics that are `ON` or `OFF`: one for each kind of event of a camera, and one for each named zone.
//! What stands in a zone does not keep that `ON`: it would be for days.

use std::collections::BTreeMap;

use super::topics::Topics;
use crate::{
    config, counting,
    event::{STATIONARY, external},
    message::{Event, EventState},
};

/// The events that go on, by their ids: camera, kind and zone.
#[derive(Debug, Default)]
pub(super) struct RunningEvents(BTreeMap<String, (String, String, Option<String>)>);

impl RunningEvents {
    /// Takes in what a message says.
    pub(super) fn observe(&mut self, event: &Event) {
        if event.state == EventState::End {
            self.0.remove(&event.id);
        } else if event.kind != external::KIND && event.kind != counting::CROSSING {
            let zone = event.zone.clone().filter(|_| event.reason.as_deref() != Some(STATIONARY));
            let what = (event.camera.clone(), event.kind.to_string(), zone);
            self.0.insert(event.id.clone(), what);
        }
    }

    /// Only these go on: messages were lost.
    pub(super) fn reset(&mut self, events: impl IntoIterator<Item = Event>) {
        self.0.clear();
        events.into_iter().for_each(|event| self.observe(&event));
    }

    /// The topics of a camera, each with whether it is `ON`.
    pub(super) fn topics(&self, camera: &config::Camera, topics: &Topics) -> Vec<(String, bool)> {
        let name = camera.name.as_str();
        let any = |is: &dyn Fn(&str, Option<&str>) -> bool| {
            self.0.values().any(|(camera, kind, zone)| camera == name && is(kind, zone.as_deref()))
        };
        let lasting = camera.event_kinds().into_iter().filter(|kind| *kind != counting::CROSSING);
        let of_kinds = lasting.map(|wanted| {
            let is_on = any(&|kind, _| kind == wanted);
            (topics.camera(name, wanted), is_on)
        });
        let of_zones = zones(camera).into_iter().map(|wanted| {
            let is_on = any(&|_, zone| zone == Some(wanted));
            (topics.camera(name, &format!("zone/{wanted}")), is_on)
        });
        of_kinds.chain(of_zones).collect()
    }
}

/// The names of a camera's zones, each once.
pub(super) fn zones(camera: &config::Camera) -> Vec<&str> {
    let mut names: Vec<_> = camera.stages.zones().into_iter().filter_map(|(_, zone)| zone.name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
