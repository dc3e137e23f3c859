//! Objects: what the tracks are, by a network that is asked as little as possible.
//!
//! Another stage follows what moves, in every frame. This one asks a network to name the track that is least certain: it crops
//! the newest frame around it. `choice` chooses the track, `crops` makes the square and finds the tracks again in what the network
//! found there, `names` decides by several looks, `sweep` keeps what does not move, and `events` tells it all. A frame of which
//! nothing is to be asked costs nothing.

mod choice;
mod crops;
mod events;
mod names;
mod settings;
mod sweep;

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use serde_json::value::to_raw_value;

pub use self::settings::Settings;
use self::{
    choice::{Candidate, Prices, candidates, expected},
    crops::{assign, shown, square, to_picture},
    events::Events,
    names::Names,
    sweep::Sweeps,
};
use super::{Seen, Stage, StageContext, StageError};
use crate::{
    event::{EventChange, places::Places},
    frame::{Frame, Size},
    geometry::overlap,
    message::{Detection, Rect},
    model::{detector::Found, pool::PooledModel},
    moving_mask::{Look as MaskLook, LookedAt, Looks},
    processor::views::{Needs, Views},
    system::clock::Monotonic,
    telemetry::model_metrics::Questions,
    tracking::{
        Track,
        shared::{Label, SharedTracks, Snapshot},
    },
};

/// The kind of its events.
const OBJECT: &str = "object";

/// Tracks that nobody has seen for so long are no reason to look at a frame.
const FRESH: Duration = Duration::from_secs(2);

/// The least longer side of a track in the network's input, in pixels, of which a look says something.
const LEAST_PX: f64 = 20.0;

/// How much a thing in a sweep shares of the smaller box with a track that has a name, to be that.
const SAME_AS_TRACK: f64 = 0.6;

/// How much later than it should a track may be looked at again before masks take it for something that nobody looked at.
const GRACE: Duration = Duration::from_secs(1);

/// The least part of the network's input that a track is to fill if masks go by what is found in it: a face is an eighth of a
/// body.
const JUDGED_PART: f64 = 0.25;

/// The stage of one camera.
#[derive(Debug)]
pub struct ObjectsStage {
    /// Whoever asks a model has a number of its own.
    id: u64,
    model: Option<Arc<PooledModel>>,
    shared: Option<Arc<SharedTracks>>,
    questions: Arc<Questions>,
    /// Who wants to know what each look showed: masks over what is found.
    looks: Option<Arc<Looks>>,
    labels: Vec<String>,
    min_score: f32,
    share: f32,
    ask_again: Duration,
    names: Names,
    sweeps: Sweeps,
    prices: Prices,
    events: Events,
    /// Whether there is something to ask of the next frame, and time for it.
    is_due: Cell<bool>,
}

/// What it says of a frame: which part was looked at.
#[derive(Serialize)]
struct Detail {
    looked_at: Rect,
}

/// What a look at a part of a frame showed.
struct Look {
    part: Rect,
    /// Columns and rows that the network saw of it.
    size: Size,
    found: Vec<Found>,
}

impl ObjectsStage {
    /// A stage that knows nothing yet.
    #[must_use]
    pub fn new(settings: &Settings, context: &StageContext) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        context.questions.begin();
        let model = settings.model.as_ref().zip(context.models.as_ref());
        Self {
            id: COUNT.fetch_add(1, Ordering::Relaxed), // no two are the same
            model: model.and_then(|(name, models)| models.get(name.get_ref())),
            shared: context.tracks.clone(),
            questions: context.questions.clone(),
            looks: context.looks.clone(),
            labels: settings.labels.iter().map(|label| label.get_ref().clone()).collect(),
            min_score: settings.min_score.f32(),
            share: settings.max_core_share.get_ref().f32(),
            ask_again: settings.ask_again_ms.ms(),
            names: Names::new(context.looks.is_some()),
            sweeps: Sweeps::new(settings.sweep_ms.ms()),
            prices: Prices::default(),
            events: Events::new(Places::new(&*context.zones)),
            is_due: Cell::new(false),
        }
    }

    /// The newest tracks of the camera, if somebody follows any.
    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.shared.as_ref()?.snapshot().clone()
    }

    /// Whether there is something to ask of a frame that is as old as the tracks are.
    fn has_questions(&self, now: Monotonic) -> bool {
        let of_track = |snapshot: &Snapshot| {
            let Snapshot { tracks, size, captured_at, .. } = snapshot;
            let all = candidates(tracks, &self.names, self.ask_again, *size, *captured_at);
            now.since(*captured_at) < FRESH && all.first().is_some_and(Candidate::is_due)
        };
        self.sweeps.are_due(now) || self.snapshot().is_some_and(|snapshot| of_track(&snapshot))
    }

    /// Asks the model what is in a part of a frame. `None` if it fails; the log says so.
    fn look_at(&mut self, part: Rect, input: Size, views: &Views<'_>) -> Result<Option<Look>, StageError> {
        let Some(model) = self.model.clone() else { return Ok(None) };
        let full = views.full();
        let is_whole = (part.width, part.height) == (full.width_px, full.height_px);
        let start = Monotonic::now();
        let crop = views.bgr_crop(part, input.width_px.max(input.height_px))?;
        let answer = model.ask(crop.size(), crop.pixels());
        let cost = Monotonic::now().since(start);
        model.turns().lock().asked(start, cost);
        let Ok(found) = answer else { return Ok(None) };
        self.prices.paid(is_whole, cost);
        self.questions.asked(is_whole);
        let (size, part) = (crop.size(), crop.bounds());
        let is_told = |found: &Found| self.labels.is_empty() || self.labels.contains(&found.label);
        let found = found
            .into_iter()
            .filter(is_told)
            .filter_map(|found| Some(Found { bounds: to_picture(found.bounds, size, part, full)?, ..found }));
        Ok(Some(Look { part, size, found: found.collect() }))
    }

    /// The least longer side in the network's input, in pixels, of a track of which a look says something.
    fn least_px(&self, input: Size) -> f64 {
        let judged = self.looks.as_ref().map(|_| f64::from(input.width_px.max(input.height_px)) * JUDGED_PART);
        judged.unwrap_or(LEAST_PX)
    }

    /// Tells masks what a look showed. `judged` are the tracks of which it says something.
    fn tell_masks(&self, look: &Look, tracks: &[Track], judged: &[Candidate], frame: &Frame, input: Size) {
        let Some(looks) = &self.looks else { return };
        let (at, full) = (frame.captured_at(), frame.size());
        let ratio = |pixels: u32, of: u32| f64::from(pixels) / f64::from(of.max(1));
        let (longer, of) = (input.width_px.max(input.height_px), look.part.width.max(look.part.height));
        let looked_at = |track: &Track| {
            let is_judged = judged.iter().any(|one| one.id == track.id());
            Some(LookedAt { id: track.id(), bounds: expected(track, full, at)?, is_judged })
        };
        looks.push(MaskLook {
            at,
            full,
            part: look.part,
            scale: ratio(longer, of).min(ratio(look.size.width_px, look.part.width)),
            tracks: tracks.iter().filter(|track| track.is_confirmed()).filter_map(looked_at).collect(),
            found: look.found.iter().map(|found| (found.label.clone(), found.bounds)).collect(),
            holds: self.ask_again * 2 + GRACE,
        });
    }

    /// Ends and goes on with what tracks alone say.
    fn observe_tracks(&mut self, now: Monotonic) -> Vec<EventChange> {
        let Some(snapshot) = self.snapshot() else { return Vec::new() };
        self.names.keep(&snapshot.tracks);
        self.events.observe(&snapshot, &self.names, now)
    }

    /// Takes what was seen of these tracks in a look; gives for each thing that was found its track.
    fn learn(&mut self, tracks: &[Candidate], look: &Look, at: Monotonic) -> Vec<Option<u64>> {
        let mut of_found = vec![None; look.found.len()];
        for (candidate, number) in tracks.iter().zip(assign(tracks, &look.found)) {
            let label = number.map(|number| label(&look.found[number]));
            if let Some(number) = number {
                of_found[number] = Some(candidate.id);
            }
            let had_name = self.names.name(candidate.id).is_some();
            if self.names.look(candidate.id, label, candidate.bounds, at, self.min_score) && !had_name {
                self.questions.named();
            }
        }
        if let Some(shared) = &self.shared {
            shared.set_labels(self.names.labels());
        }
        of_found
    }
}

fn label(found: &Found) -> Label {
    Label { name: found.label.as_str().into(), score: found.score }
}

impl Stage for ObjectsStage {
    fn needs(&self) -> Needs {
        let now = Monotonic::now();
        let is_due = self.model.as_ref().is_some_and(|model| {
            let has_questions = model.input(now).is_some() && self.has_questions(now);
            let may_ask = has_questions && model.turns().lock().may_ask(self.id, self.share, now);
            if has_questions && !may_ask {
                self.questions.over_budget();
            }
            may_ask
        });
        self.is_due.set(is_due);
        if is_due { Needs::crops() } else { Needs::nothing() }
    }

    fn look(&mut self, views: &Views<'_>, frame: &Frame) -> Result<Seen, StageError> {
        let (now, at, full) = (Monotonic::now(), frame.captured_at(), frame.size());
        let input = self.model.as_ref().and_then(|model| model.input(now));
        let Some(input) = input.filter(|_| self.is_due.take()) else { return Ok(Seen::default()) };
        let snapshot = self.snapshot().filter(|snapshot| snapshot.size == full);
        let tracks = snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.tracks);
        if snapshot.is_some() {
            self.names.keep(tracks);
        }
        let all = candidates(tracks, &self.names, self.ask_again, full, at);
        let whole = Rect { x: 0, y: 0, width: full.width_px, height: full.height_px };
        let is_sweep = self.sweeps.are_due(now);
        let first = all.first().filter(|first| first.is_due());
        let part = match first {
            _ if is_sweep || self.prices.is_whole_cheaper(&all, full, input, self.least_px(input)) => whole,
            Some(first) => square(first.bounds, full, input),
            None => return Ok(Seen::default()),
        };
        let Some(look) = self.look_at(part, input, views)? else { return Ok(Seen::default()) };
        let mut shown = shown(&all, look.part, look.size, input, self.least_px(input));
        // Whom a crop is for was looked at, however small it is.
        let is_for = first.filter(|first| !is_sweep && part != whole && shown.iter().all(|one| one.id != first.id));
        shown.extend(is_for);
        self.tell_masks(&look, tracks, &shown, frame, input);
        let of_found = self.learn(&shown, &look, at);
        let mut events = self.observe_tracks(now);
        if is_sweep {
            let is_track = |found: &Found| {
                let mut named = all.iter().filter(|one| self.names.name(one.id).is_some());
                named.any(|one| overlap(one.bounds, found.bounds).0 >= SAME_AS_TRACK)
            };
            let still = look.found.iter().filter(|found| !is_track(found));
            let still = still.map(|found| (label(found), found.bounds)).collect();
            let changes = self.sweeps.observe(still, now);
            events.extend(self.events.sweep(changes, full, at));
        }
        let detection = |(found, track): (Found, Option<u64>)| Detection {
            label: found.label.into(),
            bounds: found.bounds,
            score: Some(found.score),
            track,
            text: None,
        };
        let detections = look.found.into_iter().zip(of_found).map(detection).collect();
        let detail = Some(to_raw_value(&Detail { looked_at: look.part })?);
        Ok(Seen { detections, detail, events })
    }

    fn deadline(&self) -> Option<Monotonic> {
        self.events.deadline()
    }

    fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        self.observe_tracks(now)
    }

    fn retire(&mut self) -> Vec<EventChange> {
        if let Some(shared) = &self.shared {
            shared.set_labels(Default::default());
        }
        self.events.end(&self.sweeps.end())
    }
}
