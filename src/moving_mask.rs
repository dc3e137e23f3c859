//! Moving masks: what a network calls so is covered, wherever it goes.
//!
//! A network looks at few frames and answers late. Tracks are known in every frame. So what a look found is tied to the tracks that
//! it was in, and moves with them; and what no look has judged yet is covered whole, as nobody has said what it is. A pipeline
//! leaves each frame together with its covers: whoever shows the frame has those of that frame, and of no other.
//!
//! Whatever is not known is covered: a scene that is being learnt, a picture of which the network has not seen all, a track that
//! it looked at too long ago.

mod area;

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use self::area::Area;
use crate::{
    config::mask::Mask,
    frame::Size,
    geometry::reaches_into,
    message::Rect,
    sync::Mutex,
    system::clock::Monotonic,
    tracking::{Track, shared::SharedTracks},
};

/// How much larger a cover is than what was found, on each side, as a part of its length: networks box the face without hair and
/// chin, and it turns between two looks.
const THING_MARGIN: f64 = 0.5;

/// The same of a track: motion may have missed a head that is as grey as what is behind it.
const TRACK_MARGIN: f64 = 0.25;

/// The part of the size of a track's last box that the next one has at least, if it is around all of it.
const WHOLE_PART: f64 = 0.8;

/// How long a track whose box is much smaller at once is taken for what it was: somebody who stops is found in parts. After that
/// it has to be judged anew, as of a group that parted.
const PART_FOR: Duration = Duration::from_secs(3);

/// Looks in a row that show nothing, after which nothing is there. Networks miss a face now and then.
const NOTHING_AFTER: u32 = 2;

/// How much a found thing shares of the smaller one of its box and that of a known one, grown, to be that.
const SAME: f64 = 0.5;

/// A look says that a thing is gone if it is shown there at this part of the size at which it was found, at least.
const AS_LARGE: f64 = 0.5;

/// How long what belongs to no track is covered if no look can say whether it is still there.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// The longest time that a track without a box is moved on for by its velocity.
const LONGEST: Duration = Duration::from_secs(1);

/// Things that are kept.
const MOST_THINGS: usize = 256;

/// Looks that wait for the next frame.
const MOST_LOOKS: usize = 64;

/// What one look of a network at a part of a frame showed.
#[derive(Clone, Debug)]
pub struct Look {
    /// When the frame was captured.
    pub at: Monotonic,
    /// Columns and rows of the frame.
    pub full: Size,
    /// The part.
    pub part: Rect,
    /// Pixels that the network saw for each of the frame, along a line.
    pub scale: f64,
    /// The confirmed tracks of the camera, where they were in this frame.
    pub tracks: Vec<LookedAt>,
    /// What was found, with its label.
    pub found: Vec<(String, Rect)>,
    /// How long what it says of a track holds.
    pub holds: Duration,
}

/// A track in a look.
#[derive(Clone, Copy, Debug)]
pub struct LookedAt {
    /// Its number.
    pub id: u64,
    /// Where it was.
    pub bounds: Rect,
    /// Whether the look says something of it: all of it was in the part, and large enough.
    pub is_judged: bool,
}

/// The looks that the masks of one camera have not heard of yet, from whatever processor: put in and taken out by pointer.
#[derive(Debug, Default)]
pub struct Looks(Mutex<Vec<Look>>);

/// What is covered of one frame.
#[derive(Debug)]
pub struct Covers {
    /// The masks that this is for.
    masks: Arc<[Mask]>,
    boxes: Vec<Rect>,
}

/// The masks of one camera that move.
#[derive(Debug)]
pub struct MovingMask {
    masks: Arc<[Mask]>,
    tracks: Arc<SharedTracks>,
    looks: Arc<Looks>,
    /// The size of the last frame.
    full: Option<Size>,
    /// Whether the network has looked at a whole picture.
    has_seen_all: bool,
    things: Vec<Thing>,
    /// What is known of each track.
    known: BTreeMap<u64, Known>,
}

/// Something that was found and is to be covered.
#[derive(Debug)]
struct Thing {
    label: String,
    /// Where it was found.
    found: Area,
    /// The track that it belongs to, and where that was then.
    track: Option<(u64, Area)>,
    /// Where it can be in the last frame.
    place: Area,
    /// Its longer side as the network saw it, in pixels.
    seen_px: f64,
    last_seen: Monotonic,
    /// Whether its track stood still when it was seen last.
    is_still: bool,
    /// Looks in a row that did not show it.
    missed: u32,
}

/// Something that a look found, and the tracks that it may belong to.
struct Found<'l> {
    label: &'l str,
    area: Area,
    owners: Vec<&'l LookedAt>,
}

/// What is known of a track.
#[derive(Debug)]
struct Known {
    /// Its last box that was around all of it, and when that was.
    whole: Area,
    whole_at: Monotonic,
    /// Its last box.
    last: Area,
    /// How its box of the last frame is to be taken.
    seen: Seen,
    /// Whether a look has said what of it is to be covered, and until when that holds.
    is_judged: bool,
    until: Monotonic,
    /// Looks in a row that showed nothing of it that is to be covered.
    nothing: u32,
}

/// What the box of a track shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    /// All of it.
    Whole,
    /// A part of it: it is much smaller at once.
    Part,
    /// All of it, as it has been as small for long.
    Smaller,
    /// All of it, or another part of it: it does not touch its last box.
    Jumped,
}

impl Looks {
    /// Adds a look. If nobody takes them, the oldest go.
    pub fn push(&self, look: Look) {
        let mut looks = self.0.lock();
        let oldest = (looks.len() >= MOST_LOOKS).then(|| looks.remove(0));
        looks.push(look);
        drop(looks);
        drop(oldest);
    }

    fn take(&self) -> Vec<Look> {
        mem::take(&mut *self.0.lock())
    }
}

impl Covers {
    /// These boxes, for these masks.
    #[must_use]
    pub fn new(masks: Arc<[Mask]>, boxes: Vec<Rect>) -> Self {
        Self { masks, boxes }
    }

    /// The boxes to cover; `None` if they are for other masks than these.
    #[must_use]
    pub fn boxes(&self, masks: &[Mask]) -> Option<&[Rect]> {
        (*self.masks == *masks).then_some(&self.boxes)
    }
}

impl MovingMask {
    /// All masks of a camera, of which those that move follow these tracks, by what these looks say.
    #[must_use]
    pub fn new(masks: &[Mask], tracks: Arc<SharedTracks>, looks: Arc<Looks>) -> Self {
        let (things, known) = (Vec::new(), BTreeMap::new());
        Self { masks: masks.into(), tracks, looks, full: None, has_seen_all: false, things, known }
    }

    /// What is to be covered of a frame whose tracks were just published; `None` if that is not known, so that all is.
    pub fn cover(&mut self, at: Monotonic, full: Size) -> Option<Arc<Covers>> {
        if self.full.replace(full) != Some(full) {
            (self.has_seen_all, self.things, self.known) = (false, Vec::new(), BTreeMap::new());
        }
        for look in self.looks.take().iter().filter(|look| look.full == full) {
            self.learn(look);
        }
        let snapshot = self.tracks.snapshot().clone();
        let snapshot = snapshot.filter(|known| known.captured_at == at && known.size == full && !known.is_learning)?;
        self.follow(&snapshot.tracks, at);
        if !self.has_seen_all {
            return None;
        }
        let open = snapshot.tracks.iter().filter_map(|track| {
            let known = self.known.get(&track.id()).filter(|known| !known.is_judged(track))?;
            let area = known.whole.carried(known.whole, whereabouts(track, at));
            Some((None, area.grown(TRACK_MARGIN)))
        });
        let things = self.things.iter().map(|thing| (Some(&*thing.label), thing.place.grown(THING_MARGIN)));
        let boxes = open.chain(things).filter_map(|(label, area)| {
            let bounds = area.rect(full)?;
            self.covers(label, bounds, full).then_some(bounds)
        });
        Some(Arc::new(Covers::new(self.masks.clone(), boxes.collect())))
    }

    /// Whether one of the masks is over this. Without a label it may be anything.
    fn covers(&self, label: Option<&str>, bounds: Rect, full: Size) -> bool {
        let is_over = |mask: &&Mask| label.is_none() || mask.labels().passes(label);
        let reaches = |mask: &Mask| mask.polygon().is_none_or(|polygon| reaches_into(polygon, bounds, full));
        self.masks.iter().filter(|mask| mask.is_moving()).filter(is_over).any(reaches)
    }

    /// Takes in what a look showed.
    fn learn(&mut self, look: &Look) {
        self.has_seen_all |= (look.part.width, look.part.height) == (look.full.width_px, look.full.height_px);
        let is_wanted =
            |label: &str| self.masks.iter().any(|mask| mask.is_moving() && mask.labels().passes(Some(label)));
        let is_whole =
            |track: &&LookedAt| self.known.get(&track.id).is_some_and(|known| known.is_whole(Area::of(track.bounds)));
        let tracks: Vec<_> = look.tracks.iter().filter(is_whole).collect();
        let found: Vec<_> =
            look.found.iter().filter(|(label, _)| is_wanted(label)).map(|one| in_tracks(&tracks, one)).collect();
        for thing in &mut self.things {
            let track = thing.track.and_then(|(id, before)| Some((before, look.track(id)?)));
            let place = track.map_or(thing.place, |(before, now)| thing.found.carried(before, Area::of(now.bounds)));
            let is_same = |one: &&Found<'_>| {
                let is_owners = thing.track.is_none_or(|(id, _)| one.owners.iter().any(|owner| owner.id == id));
                is_owners && *one.label == thing.label && place.grown(THING_MARGIN).shares(one.area) >= SAME
            };
            match found.iter().find(is_same) {
                Some(_) if thing.track.is_some() => thing.missed = NOTHING_AFTER, // what was found takes its place
                Some(one) if one.owners.is_empty() => *thing = one.thing(None, look),
                // It may be the face of somebody who passes in front of it, and does not take it along.
                Some(_) => (thing.missed, thing.last_seen) = (0, look.at),
                None if look.shows(place, thing) => thing.missed += 1,
                None => {}
            }
        }
        for track in tracks {
            let has_some = found.iter().any(|one| one.owners.iter().any(|owner| owner.id == track.id));
            if let Some(known) = self.known.get_mut(&track.id).filter(|_| track.is_judged || has_some) {
                known.judge(has_some, look.at.later(look.holds));
            }
        }
        self.things.retain(|thing| thing.missed < NOTHING_AFTER);
        for one in &found {
            let is_known = self.things.iter().any(|thing| thing.track.is_none() && thing.found == one.area);
            if one.owners.is_empty() && !is_known {
                self.things.push(one.thing(None, look));
            }
            // In a box of several it may be anybody's.
            self.things
                .extend(one.owners.iter().map(|owner| one.thing(Some((owner.id, Area::of(owner.bounds))), look)));
        }
        let surplus = self.things.len().saturating_sub(MOST_THINGS);
        self.things.drain(..surplus);
    }

    /// Moves things along with their tracks. Of a track that ended, what stood still is still there.
    fn follow(&mut self, tracks: &[Track], at: Monotonic) {
        let find = |id: u64| tracks.iter().find(|track| track.id() == id);
        self.known.retain(|id, _| find(*id).is_some());
        for track in tracks {
            let bounds = Area::of(track.bounds());
            self.known.entry(track.id()).or_insert_with(|| Known::new(bounds, at)).follow(bounds, at);
        }
        self.things.retain_mut(|thing| {
            let Some((id, before)) = thing.track else { return at.since(thing.last_seen) < FORGOTTEN_AFTER };
            if let Some(track) = find(id) {
                thing.is_still = track.is_still();
                let now = Area::of(track.bounds());
                match self.known.get(&id).map(|known| known.seen) {
                    // Nobody knows of which part: the track is covered whole, and the thing where it was.
                    Some(Seen::Part) => {}
                    Some(Seen::Smaller) => (thing.found, thing.track) = (thing.place, Some((id, now))),
                    // It went along, or stayed.
                    Some(Seen::Jumped) => {
                        thing.place = thing.place.around(thing.found.carried(before, now));
                        (thing.found, thing.track) = (thing.place, Some((id, now)));
                    }
                    _ => thing.place = thing.found.carried(before, whereabouts(track, at)),
                }
                return true;
            }
            (thing.found, thing.track, thing.last_seen) = (thing.place, None, at);
            thing.is_still
        });
    }
}

impl Look {
    fn track(&self, id: u64) -> Option<&LookedAt> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// Whether it would have shown a thing at this place.
    fn shows(&self, place: Area, thing: &Thing) -> bool {
        let is_large = self.scale >= 1.0 || thing.found.longer() * self.scale >= thing.seen_px * AS_LARGE;
        is_large && place.is_in(Area::of(self.part))
    }
}

/// Something that was found, and those of the tracks in whose boxes it was.
fn in_tracks<'l>(tracks: &[&'l LookedAt], (label, bounds): &'l (String, Rect)) -> Found<'l> {
    let area = Area::of(*bounds);
    let is_in = |track: &&LookedAt| Area::of(track.bounds).grown(TRACK_MARGIN).has(area.middle());
    Found { label, area, owners: tracks.iter().copied().filter(is_in).collect() }
}

impl Found<'_> {
    fn thing(&self, track: Option<(u64, Area)>, look: &Look) -> Thing {
        Thing {
            label: self.label.to_owned(),
            found: self.area,
            track,
            place: self.area,
            seen_px: self.area.longer() * look.scale.min(1.0),
            last_seen: look.at,
            is_still: false,
            missed: 0,
        }
    }
}

impl Known {
    fn new(whole: Area, at: Monotonic) -> Self {
        Self {
            whole,
            whole_at: at,
            last: whole,
            seen: Seen::Whole,
            is_judged: false,
            until: Monotonic::default(),
            nothing: 0,
        }
    }

    /// Whether this box is around all of it. What goes away becomes smaller little by little.
    fn is_whole(&self, bounds: Area) -> bool {
        bounds.size() >= self.whole.size() * WHOLE_PART
    }

    fn follow(&mut self, bounds: Area, at: Monotonic) {
        let is_whole = self.is_whole(bounds);
        let has_jumped = bounds.is_beyond(mem::replace(&mut self.last, bounds));
        if !is_whole && at.since(self.whole_at) < PART_FOR {
            self.seen = Seen::Part;
            return;
        }
        (self.whole, self.whole_at) = (bounds, at);
        self.seen = match (is_whole, has_jumped) {
            (false, _) => Seen::Smaller,
            (true, true) => Seen::Jumped,
            (true, false) => Seen::Whole,
        };
        self.is_judged &= is_whole;
    }

    fn judge(&mut self, has_some: bool, until: Monotonic) {
        self.nothing = if has_some { 0 } else { self.nothing.saturating_add(1) };
        self.is_judged |= has_some || self.nothing >= NOTHING_AFTER;
        self.until = until;
    }

    /// What was said of a track that has not moved since holds, too: nobody turned round.
    fn is_judged(&self, track: &Track) -> bool {
        self.is_judged && self.seen != Seen::Part && track.seen()[1] < self.until
    }
}

/// Where a track can be: around its last box, and on from there if that was in an earlier frame.
fn whereabouts(track: &Track, at: Monotonic) -> Area {
    let seconds = at.since(track.seen()[1]).min(LONGEST).as_secs_f64();
    Area::of(track.bounds()).swept(track.velocity().map(|velocity| velocity * seconds))
}

#[cfg(test)]
mod tests;
