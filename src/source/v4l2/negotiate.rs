//! Which of the pictures that a camera offers to take. Pure.
//!
//! First the size that is nearest to the wanted one, then the rate, then what costs the stages least.

use std::{cmp::Ordering, fmt::Write};

use super::description::{FourCc, Interval, Mode, Offer, Rates, SizeRange};
use crate::{
    config::{CameraFormat, V4l2},
    frame::{PixelFormat, Size},
};

/// Formats that are understood, with the name in configurations. Of two with one name the first is better.
const KNOWN: [(FourCc, CameraFormat, PixelFormat); 8] = [
    (FourCc(*b"MJPG"), CameraFormat::Mjpeg, PixelFormat::Jpeg),
    (FourCc(*b"JPEG"), CameraFormat::Mjpeg, PixelFormat::Jpeg),
    (FourCc(*b"YUYV"), CameraFormat::Yuyv, PixelFormat::Yuyv),
    (FourCc(*b"NV12"), CameraFormat::Nv12, PixelFormat::Nv12),
    (TWO_PLANES, CameraFormat::Nv12m, PixelFormat::Nv12),
    (FourCc(*b"GREY"), CameraFormat::Grey, PixelFormat::Grey),
    (FourCc(*b"BGR3"), CameraFormat::Bgr24, PixelFormat::Bgr24),
    (FourCc(*b"RGB3"), CameraFormat::Rgb24, PixelFormat::Rgb24),
];

/// NV12 with its two planes in memory of their own.
const TWO_PLANES: FourCc = FourCc(*b"NM12");

/// What costs least first, if only luma is looked at: a plane or a byte of each pixel as it is. NV12 is no dearer than
/// GREY and has colours for viewers. Then what must be put together, decoded, or reckoned from three colours.
const FOR_LUMA: [FourCc; 8] = codes([b"NV12", b"GREY", b"YUYV", b"NM12", b"MJPG", b"JPEG", b"BGR3", b"RGB3"]);

/// What costs least first, if nothing is looked at: what is smallest on its way.
const FOR_NOTHING: [FourCc; 8] = codes([b"MJPG", b"JPEG", b"NV12", b"GREY", b"YUYV", b"NM12", b"BGR3", b"RGB3"]);

const fn codes(letters: [&[u8; 4]; 8]) -> [FourCc; 8] {
    let mut codes = [FourCc([0; 4]); 8];
    let mut n = 0;
    while n < codes.len() {
        codes[n] = FourCc(*letters[n]);
        n += 1;
    }
    codes
}

/// Rates that differ by less are the same: 29.97 and 30.
const SAME_RATE: f64 = 0.03;

/// What is wanted of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A certain format, or what costs least.
    pub format: Option<CameraFormat>,
    /// Columns and rows.
    pub size: Size,
    /// Frames a second.
    pub rate_hz: u32,
    /// Whether stages look at luma.
    pub luma: bool,
}

impl Wanted {
    /// What is configured. `luma`: whether stages look at it.
    #[must_use]
    pub fn of(settings: &V4l2, luma: bool) -> Self {
        let V4l2 { format, size, rate_hz, .. } = *settings;
        Self { format, size, rate_hz, luma }
    }
}

/// What to ask a camera for; also what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The format's code.
    pub fourcc: FourCc,
    /// Columns and rows.
    pub size: Size,
    /// From frame to frame, if the camera has a say in it.
    pub interval: Option<Interval>,
}

/// There is nothing to choose from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoChoice {
    /// The camera lacks the format that was asked for.
    #[error("it has no {wanted}, only {offered}; leave out camera.v4l2.format to have one of these taken")]
    Lacks {
        /// As configured.
        wanted: CameraFormat,
        /// What it has.
        offered: String,
    },
    /// None that is understood.
    #[error("none of its formats can be used ({0}); MJPEG, YUYV, NV12, GREY, BGR24 and RGB24 can")]
    Foreign(String),
}

/// How the pixels of a format are spelt, if it is understood.
#[must_use]
pub fn pixel_format(fourcc: FourCc) -> Option<PixelFormat> {
    KNOWN.iter().find(|(known, ..)| *known == fourcc).map(|(_, _, format)| *format)
}

/// The format's name in configurations, if it is understood.
#[must_use]
pub fn name(fourcc: FourCc) -> Option<CameraFormat> {
    KNOWN.iter().find(|(known, ..)| *known == fourcc).map(|(_, name, _)| *name)
}

/// Whether the two planes of a format come in memory of their own.
#[must_use]
pub fn has_two_planes(fourcc: FourCc) -> bool {
    fourcc == TWO_PLANES
}

/// What comes nearest to what is wanted.
///
/// # Errors
/// When the camera has no format that will do.
pub fn choose(offers: &[Offer], wanted: &Wanted) -> Result<Choice, NoChoice> {
    let fits = |offer: &&Offer| match (wanted.format, name(offer.fourcc)) {
        (Some(wanted), name) => name == Some(wanted),
        (None, name) => name.is_some(),
    };
    let candidates = offers.iter().filter(fits).flat_map(|offer| candidates(offer, wanted));
    let best = candidates.min_by(|a, b| a.compare(b)).map(|candidate| candidate.choice);
    best.ok_or_else(|| {
        let offered = formats(offers);
        match wanted.format {
            Some(wanted) => NoChoice::Lacks { wanted, offered },
            None => NoChoice::Foreign(offered),
        }
    })
}

/// What is said when a camera does not give what was wanted, with the nearest that it has; `None` if it does.
#[must_use]
pub fn shortfall(offers: &[Offer], wanted: &Wanted, got: &Choice) -> Option<String> {
    let rate = |choice: &Choice| choice.interval.map(Interval::rate_hz);
    let slow = rate(got).is_some_and(|rate| distance(rate, f64::from(wanted.rate_hz)) > SAME_RATE);
    if got.size == wanted.size && !slow {
        return None;
    }
    let mut words = format!("gives {} where {} at {} Hz was asked for", describe(got), wanted.size, wanted.rate_hz);
    let nearest = nearest(offers, wanted);
    if !nearest.is_empty() {
        let _ = write!(words, "; the nearest it has: {}", nearest.join(", ")); // a string takes everything
    }
    Some(words)
}

/// A format, size and rate in words: `MJPG 1280x720 at 30 Hz`.
#[must_use]
pub fn describe(choice: &Choice) -> String {
    let rate = choice.interval.map(|interval| format!(" at {} Hz", rate_words(interval.rate_hz())));
    format!("{} {}{}", choice.fourcc, choice.size, rate.unwrap_or_default())
}

/// `30`, `7.5`, `29.97`.
#[must_use]
pub fn rate_words(rate_hz: f64) -> String {
    let text = format!("{rate_hz:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Up to four modes near to what is wanted, best first.
fn nearest(offers: &[Offer], wanted: &Wanted) -> Vec<String> {
    let usable = offers.iter().filter(|offer| name(offer.fourcc).is_some());
    let mut candidates: Vec<_> = usable.flat_map(|offer| candidates(offer, wanted)).collect();
    candidates.sort_by(Candidate::compare);
    candidates.iter().take(4).map(|candidate| describe(&candidate.choice)).collect()
}

fn formats(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "it tells of none".to_owned();
    }
    offers.iter().map(|offer| offer.fourcc.to_string()).collect::<Vec<_>>().join(", ")
}

/// A choice and how far it is from what is wanted.
struct Candidate {
    choice: Choice,
    size_off: f64,
    rate_off: f64,
    cost: usize,
}

impl Candidate {
    fn compare(&self, other: &Self) -> Ordering {
        let sizes = self.size_off.total_cmp(&other.size_off);
        let rates = self.rate_off.total_cmp(&other.rate_off);
        // Of two that are as far off, the larger.
        let pixels = other.choice.size.pixels().cmp(&self.choice.size.pixels());
        sizes.then(rates).then(self.cost.cmp(&other.cost)).then(pixels)
    }
}

/// Each size of a format with the rate that comes nearest.
fn candidates<'a>(offer: &'a Offer, wanted: &'a Wanted) -> impl Iterator<Item = Candidate> + 'a {
    let order = if wanted.luma { &FOR_LUMA } else { &FOR_NOTHING };
    let cost = order.iter().position(|code| *code == offer.fourcc).unwrap_or(order.len());
    let listed = offer.modes.iter().map(|Mode { size_px: [width_px, height_px], rates }| {
        (Size { width_px: *width_px, height_px: *height_px }, rates)
    });
    let ranged = offer.range.iter().map(|range| (within(range, wanted.size), &range.rates));
    // A driver that does not tell sizes is asked for the wanted one, and may give another.
    const UNTOLD: &Rates = &Rates { intervals: Vec::new(), any_between: false };
    let suppressed = (offer.modes.is_empty() && offer.range.is_none()).then_some((wanted.size, UNTOLD));
    listed.chain(ranged).chain(suppressed).map(move |(size, rates)| {
        let interval = interval(rates, wanted.rate_hz);
        let off = distance(interval.rate_hz(), f64::from(wanted.rate_hz));
        let columns = distance(f64::from(size.width_px), f64::from(wanted.size.width_px));
        let rows = distance(f64::from(size.height_px), f64::from(wanted.size.height_px));
        let choice = Choice { fourcc: offer.fourcc, size, interval: Some(interval) };
        Candidate { choice, size_off: columns + rows, rate_off: if off < SAME_RATE { 0.0 } else { off }, cost }
    })
}

/// The size of a range that is nearest to the wanted one.
fn within(range: &SizeRange, wanted: Size) -> Size {
    let side = |at: usize, wanted: u32| {
        let (min, max, step) = (range.min_px[at], range.max_px[at].max(range.min_px[at]), range.step_px[at].max(1));
        let steps = (wanted.clamp(min, max) - min + step / 2) / step;
        (min + steps * step).min(max)
    };
    Size { width_px: side(0, wanted.width_px), height_px: side(1, wanted.height_px) }
}

/// The interval whose rate is nearest to the wanted one.
fn interval(rates: &Rates, rate_hz: u32) -> Interval {
    let wanted = Interval::of_rate(rate_hz);
    let (shortest, longest) = (rates.intervals.iter().min(), rates.intervals.iter().max());
    if rates.any_between && shortest <= Some(&wanted) && Some(&wanted) <= longest {
        return wanted;
    }
    let off = |interval: &&Interval| distance(interval.rate_hz(), f64::from(rate_hz));
    rates.intervals.iter().min_by(|a, b| off(a).total_cmp(&off(b)).then(a.cmp(b))).copied().unwrap_or(wanted)
}

/// How far two numbers are apart as a factor: 0 when they are the same, the same for half and double.
fn distance(a: f64, b: f64) -> f64 {
    (a.max(f64::MIN_POSITIVE) / b.max(f64::MIN_POSITIVE)).ln().abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::v4l2::recorded;

    /// What is asked of a camera and what it gives: `MJPG 1280x720 at 30 Hz`.
    fn chosen(camera: &str, [width_px, height_px, rate_hz]: [u32; 3], format: Option<CameraFormat>) -> String {
        let wanted = Wanted { format, size: Size { width_px, height_px }, rate_hz, luma: true };
        choose(&recorded(camera).formats, &wanted).map_or_else(|why| why.to_string(), |choice| describe(&choice))
    }

    #[test]
    fn raw_pictures_are_taken_where_they_come_as_fast_and_jpeg_where_they_do_not() {
        for camera in ["logitech-c270", "logitech-c920", "generic-usb-720p"] {
            assert_eq!(chosen(camera, [1280, 720, 30], None), "MJPG 1280x720 at 30 Hz", "{camera}");
            assert_eq!(chosen(camera, [640, 480, 30], None), "YUYV 640x480 at 30 Hz", "{camera}");
            assert_eq!(chosen(camera, [1280, 720, 5], None), "YUYV 1280x720 at 5 Hz", "{camera}");
        }
    }

    #[test]
    fn the_size_goes_before_the_rate_and_the_nearest_is_taken() {
        assert_eq!(chosen("logitech-c920", [2304, 1536, 30], None), "YUYV 2304x1536 at 2 Hz", "only YUYV has it");
        assert_eq!(chosen("logitech-c270", [1920, 1080, 30], None), "MJPG 1280x960 at 30 Hz");
        assert_eq!(chosen("logitech-c270", [1280, 720, 8], Some(CameraFormat::Yuyv)), "YUYV 1280x720 at 7.5 Hz");
        assert_eq!(chosen("playstation-eye", [640, 480, 120], None), "YUYV 640x480 at 60 Hz");
        assert_eq!(chosen("playstation-eye", [320, 240, 120], None), "YUYV 320x240 at 125 Hz");
    }

    #[test]
    fn of_a_range_anything_is_taken_that_is_in_it() {
        let pi = "raspberry-pi-camera-v1";
        assert_eq!(chosen(pi, [1280, 720, 30], None), "NV12 1280x720 at 30 Hz");
        assert_eq!(chosen(pi, [641, 481, 7], None), "NV12 642x482 at 7 Hz");
        assert_eq!(chosen(pi, [4096, 16, 120], None), "NV12 2592x32 at 90 Hz");
        let nothing = Wanted { luma: false, ..WANTED };
        assert_eq!(choose(&recorded(pi).formats, &nothing).unwrap().fourcc, FourCc(*b"MJPG"), "smallest on its way");
    }

    #[test]
    fn a_format_is_taken_under_each_of_its_codes_and_no_other_for_it() {
        let pi = "raspberry-pi-camera-v1";
        for (format, code) in [
            (CameraFormat::Yuyv, "YUYV"),
            (CameraFormat::Bgr24, "BGR3"),
            (CameraFormat::Rgb24, "RGB3"),
            (CameraFormat::Mjpeg, "MJPG"),
        ] {
            assert_eq!(chosen(pi, [640, 480, 30], Some(format)), format!("{code} 640x480 at 30 Hz"));
        }
        let none = "it has no mjpeg, only YUYV, GRBG; leave out camera.v4l2.format to have one of these taken";
        assert_eq!(chosen("playstation-eye", [640, 480, 30], Some(CameraFormat::Mjpeg)), none);
        let mut foreign = recorded("logitech-c920").formats;
        foreign.retain(|offer| offer.fourcc == FourCc(*b"H264"));
        let why = choose(&foreign, &WANTED).unwrap_err().to_string();
        assert_eq!(why, "none of its formats can be used (H264); MJPEG, YUYV, NV12, GREY, BGR24 and RGB24 can");
    }

    const WANTED: Wanted =
        Wanted { format: None, size: Size { width_px: 1280, height_px: 720 }, rate_hz: 30, luma: true };

    #[test]
    fn a_driver_that_does_not_tell_sizes_is_asked_for_the_wanted_one() {
        let silent = [Offer { fourcc: FourCc(*b"YUYV"), name: "YUYV".into(), modes: Vec::new(), range: None }];
        assert_eq!(describe(&choose(&silent, &WANTED).unwrap()), "YUYV 1280x720 at 30 Hz");
    }

    #[test]
    fn what_is_given_instead_is_told_with_the_nearest_there_is() {
        let offers = recorded("playstation-eye").formats;
        let got = choose(&offers, &WANTED).unwrap();
        assert_eq!(
            shortfall(&offers, &WANTED, &got).unwrap(),
            "gives YUYV 640x480 at 30 Hz where 1280x720 at 30 Hz was asked for; the nearest it has: YUYV 640x480 at 30 Hz, \
             YUYV 320x240 at 30 Hz"
        );
        let offers = recorded("generic-usb-720p").formats;
        let exact = choose(&offers, &WANTED).unwrap();
        assert_eq!(shortfall(&offers, &WANTED, &exact), None);
        let slower = Choice { interval: Interval::new(1, 15), ..exact };
        assert!(shortfall(&offers, &WANTED, &slower).unwrap().starts_with("gives MJPG 1280x720 at 15 Hz where"));
        let almost = Choice { interval: Interval::new(1001, 30_000), ..exact };
        assert_eq!(shortfall(&offers, &WANTED, &almost), None, "29.97 is 30");
        let suppressed = Choice { interval: None, ..exact };
        assert_eq!(shortfall(&offers, &WANTED, &suppressed), None, "it has no say in it");
    }
}
