//! Chooses the capture mode among those that a camera offers. Pure.
//!
//! The nearest size wins, then the nearest rate, then the format that costs the stages least.

use std::{cmp::Ordering, fmt::Write};

use super::description::{FourCc, Interval, Mode, Offer, Rates, SizeRange};
use crate::{
    config::{CameraFormat, V4l2},
    frame::{PixelFormat, Size},
};

/// The supported formats with their names in the configuration. Of two with the same name the first is preferred.
const SUPPORTED: [(FourCc, CameraFormat, PixelFormat); 8] = [
    (FourCc(*b"MJPG"), CameraFormat::Mjpeg, PixelFormat::Jpeg),
    (FourCc(*b"JPEG"), CameraFormat::Mjpeg, PixelFormat::Jpeg),
    (FourCc(*b"YUYV"), CameraFormat::Yuyv, PixelFormat::Yuyv),
    (FourCc(*b"NV12"), CameraFormat::Nv12, PixelFormat::Nv12),
    (NV12M, CameraFormat::Nv12m, PixelFormat::Nv12),
    (FourCc(*b"GREY"), CameraFormat::Grey, PixelFormat::Grey),
    (FourCc(*b"BGR3"), CameraFormat::Bgr24, PixelFormat::Bgr24),
    (FourCc(*b"RGB3"), CameraFormat::Rgb24, PixelFormat::Rgb24),
];

/// NV12 with its two planes in separate memory planes.
const NV12M: FourCc = FourCc(*b"NM12");

/// The formats by their cost for stages that need luma, cheapest first: luma as it is, luma that is copied together,
/// luma that is decoded, luma that is computed from three colours. NV12 costs no more than GREY and has colour for
/// viewers.
const BY_LUMA_COST: [FourCc; 8] = codes([b"NV12", b"GREY", b"YUYV", b"NM12", b"MJPG", b"JPEG", b"BGR3", b"RGB3"]);

/// The formats by their size on the bus, smallest first, for cameras without stages.
const BY_SIZE: [FourCc; 8] = codes([b"MJPG", b"JPEG", b"NV12", b"GREY", b"YUYV", b"NM12", b"BGR3", b"RGB3"]);

const fn codes(letters: [&[u8; 4]; 8]) -> [FourCc; 8] {
    let mut codes = [FourCc([0; 4]); 8];
    let mut n = 0;
    while n < codes.len() {
        codes[n] = FourCc(*letters[n]);
        n += 1;
    }
    codes
}

/// Rates whose [`distance`] is less are the same: 29.97 and 30.
const SAME_RATE: f64 = 0.03;

/// The mode that the configuration requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedMode {
    /// The format; `None`: the one that costs least.
    pub format: Option<CameraFormat>,
    /// Columns and rows.
    pub size: Size,
    /// Frames a second.
    pub rate_hz: u32,
    /// Whether stages need luma. Decides what costs least.
    pub luma: bool,
}

impl RequestedMode {
    /// The mode that `settings` request. `luma` says whether stages need luma.
    #[must_use]
    pub fn new(settings: &V4l2, luma: bool) -> Self {
        let V4l2 { format, size, rate_hz, .. } = *settings;
        Self { format, size, rate_hz, luma }
    }
}

/// A mode of a camera: the one to set, or the one that the driver gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureMode {
    /// The format's code.
    pub fourcc: FourCc,
    /// Columns and rows.
    pub size: Size,
    /// The time from one frame to the next; `None` if the driver has no rates.
    pub interval: Option<Interval>,
}

/// Why none of the offered modes will do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMode {
    /// The camera does not offer the configured format.
    #[error("it has no {wanted}, only {offered}; remove camera.v4l2.format to use one of these")]
    Missing {
        /// The configured format.
        wanted: CameraFormat,
        /// The formats that it offers.
        offered: String,
    },
    /// The camera offers no format that is supported.
    #[error("fovea can use none of its formats ({0}); it can use MJPEG, YUYV, NV12, GREY, BGR24 and RGB24")]
    Unsupported(String),
}

/// Returns the pixel format of a code, if it is supported.
#[must_use]
pub fn pixel_format(fourcc: FourCc) -> Option<PixelFormat> {
    SUPPORTED.iter().find(|(code, ..)| *code == fourcc).map(|(_, _, format)| *format)
}

/// Returns the name of a code in the configuration, if it is supported.
#[must_use]
pub fn config_name(fourcc: FourCc) -> Option<CameraFormat> {
    SUPPORTED.iter().find(|(code, ..)| *code == fourcc).map(|(_, name, _)| *name)
}

/// Whether the images of a format have two memory planes.
#[must_use]
pub fn has_two_planes(fourcc: FourCc) -> bool {
    fourcc == NV12M
}

/// Chooses the mode that is nearest to the requested one.
///
/// # Errors
/// Fails if the camera does not offer the requested format, or none that is supported.
pub fn choose_mode(offers: &[Offer], requested: &RequestedMode) -> Result<CaptureMode, NoMode> {
    let fits = |offer: &&Offer| match (requested.format, config_name(offer.fourcc)) {
        (Some(requested), name) => name == Some(requested),
        (None, name) => name.is_some(),
    };
    let candidates = offers.iter().filter(fits).flat_map(|offer| candidates(offer, requested));
    let best = candidates.min_by(|a, b| a.compare(b)).map(|candidate| candidate.mode);
    best.ok_or_else(|| {
        let offered = list_formats(offers);
        match requested.format {
            Some(wanted) => NoMode::Missing { wanted, offered },
            None => NoMode::Unsupported(offered),
        }
    })
}

/// Describes how the mode that the driver gives differs from the requested one, and lists the nearest modes. Returns
/// `None` if it does not differ.
#[must_use]
pub fn shortfall(offers: &[Offer], requested: &RequestedMode, actual: &CaptureMode) -> Option<String> {
    let RequestedMode { size, rate_hz, .. } = *requested;
    let rate = actual.interval.map(Interval::rate_hz);
    let differs = rate.is_some_and(|rate| distance(rate, f64::from(rate_hz)) > SAME_RATE);
    if actual.size == size && !differs {
        return None;
    }
    let mut text = format!("gives {} instead of {size} at {rate_hz} Hz", describe(actual));
    let nearest = nearest(offers, requested);
    if !nearest.is_empty() {
        let _ = write!(text, "; its nearest modes: {}", nearest.join(", ")); // writing to a String cannot fail
    }
    Some(text)
}

/// Formats a mode: `MJPG 1280x720 at 30 Hz`.
#[must_use]
pub fn describe(mode: &CaptureMode) -> String {
    let rate = mode.interval.map(|interval| format!(" at {} Hz", format_rate(interval.rate_hz())));
    format!("{} {}{}", mode.fourcc, mode.size, rate.unwrap_or_default())
}

/// Formats a rate: `30`, `7.5`, `29.97`.
#[must_use]
pub fn format_rate(rate_hz: f64) -> String {
    let text = format!("{rate_hz:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Formats the four nearest modes, best first.
fn nearest(offers: &[Offer], requested: &RequestedMode) -> Vec<String> {
    let supported = offers.iter().filter(|offer| config_name(offer.fourcc).is_some());
    let mut candidates: Vec<_> = supported.flat_map(|offer| candidates(offer, requested)).collect();
    candidates.sort_by(Candidate::compare);
    candidates.iter().take(4).map(|candidate| describe(&candidate.mode)).collect()
}

fn list_formats(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "it lists none".to_owned();
    }
    offers.iter().map(|offer| offer.fourcc.to_string()).collect::<Vec<_>>().join(", ")
}

/// A mode, and its distance from the requested one.
struct Candidate {
    mode: CaptureMode,
    size_distance: f64,
    rate_distance: f64,
    /// The format's rank, 0 for the cheapest.
    cost: usize,
}

impl Candidate {
    fn compare(&self, other: &Self) -> Ordering {
        let sizes = self.size_distance.total_cmp(&other.size_distance);
        let rates = self.rate_distance.total_cmp(&other.rate_distance);
        // Of two with the same distance, the larger one.
        let pixels = other.mode.size.pixels().cmp(&self.mode.size.pixels());
        sizes.then(rates).then(self.cost.cmp(&other.cost)).then(pixels)
    }
}

/// Returns each size of a format, with the nearest rate.
fn candidates<'a>(offer: &'a Offer, requested: &'a RequestedMode) -> impl Iterator<Item = Candidate> + 'a {
    let ranking = if requested.luma { &BY_LUMA_COST } else { &BY_SIZE };
    let cost = ranking.iter().position(|code| *code == offer.fourcc).unwrap_or(ranking.len());
    let listed = offer.modes.iter().map(|Mode { size_px: [width_px, height_px], rates }| {
        (Size { width_px: *width_px, height_px: *height_px }, rates)
    });
    let in_range = offer.range.iter().map(|range| (nearest_size(range, requested.size), &range.rates));
    // A driver that enumerates no sizes is asked for the requested one, and may give another.
    const UNKNOWN: &Rates = &Rates { intervals: Vec::new(), any_between: false };
    let unlisted = (offer.modes.is_empty() && offer.range.is_none()).then_some((requested.size, UNKNOWN));
    listed.chain(in_range).chain(unlisted).map(move |(size, rates)| {
        let interval = nearest_interval(rates, requested.rate_hz);
        let rate = distance(interval.rate_hz(), f64::from(requested.rate_hz));
        let columns = distance(f64::from(size.width_px), f64::from(requested.size.width_px));
        let rows = distance(f64::from(size.height_px), f64::from(requested.size.height_px));
        let mode = CaptureMode { fourcc: offer.fourcc, size, interval: Some(interval) };
        let rate_distance = if rate < SAME_RATE { 0.0 } else { rate };
        Candidate { mode, size_distance: columns + rows, rate_distance, cost }
    })
}

/// Returns the size in a range that is nearest to the requested one.
fn nearest_size(range: &SizeRange, requested: Size) -> Size {
    let side = |at: usize, requested: u32| {
        let (min, max, step) = (range.min_px[at], range.max_px[at].max(range.min_px[at]), range.step_px[at].max(1));
        // With 64 bits, as the driver can state any step: half a step more does not fit into 32.
        let (offset, step) = (u64::from(requested.clamp(min, max) - min), u64::from(step));
        let nearest = u64::from(min) + (offset + step / 2) / step * step;
        u32::try_from(nearest).unwrap_or(max).min(max)
    };
    Size { width_px: side(0, requested.width_px), height_px: side(1, requested.height_px) }
}

/// Returns the interval whose rate is nearest to the requested one.
fn nearest_interval(rates: &Rates, rate_hz: u32) -> Interval {
    let requested = Interval::of_rate(rate_hz);
    let (shortest, longest) = (rates.intervals.iter().min(), rates.intervals.iter().max());
    if rates.any_between && shortest <= Some(&requested) && Some(&requested) <= longest {
        return requested;
    }
    let to_rate = |interval: &&Interval| distance(interval.rate_hz(), f64::from(rate_hz));
    rates.intervals.iter().min_by(|a, b| to_rate(a).total_cmp(&to_rate(b)).then(a.cmp(b))).copied().unwrap_or(requested)
}

/// Returns the ratio of two numbers on a logarithmic scale: 0 if they are equal, the same for half and double.
fn distance(a: f64, b: f64) -> f64 {
    (a.max(f64::MIN_POSITIVE) / b.max(f64::MIN_POSITIVE)).ln().abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::v4l2::recorded;

    /// Formats the mode that is chosen of a recorded camera: `MJPG 1280x720 at 30 Hz`.
    fn chosen(camera: &str, [width_px, height_px, rate_hz]: [u32; 3], format: Option<CameraFormat>) -> String {
        let requested = RequestedMode { format, size: Size { width_px, height_px }, rate_hz, luma: true };
        choose_mode(&recorded(camera).formats, &requested)
            .map_or_else(|error| error.to_string(), |mode| describe(&mode))
    }

    #[test]
    fn a_raw_format_is_chosen_if_it_reaches_the_rate_and_jpeg_if_not() {
        for camera in ["logitech-c270", "logitech-c920", "generic-usb-720p"] {
            assert_eq!(chosen(camera, [1280, 720, 30], None), "MJPG 1280x720 at 30 Hz", "{camera}");
            assert_eq!(chosen(camera, [640, 480, 30], None), "YUYV 640x480 at 30 Hz", "{camera}");
            assert_eq!(chosen(camera, [1280, 720, 5], None), "YUYV 1280x720 at 5 Hz", "{camera}");
        }
    }

    #[test]
    fn the_nearest_size_goes_before_the_nearest_rate() {
        assert_eq!(chosen("logitech-c920", [2304, 1536, 30], None), "YUYV 2304x1536 at 2 Hz", "only YUYV has it");
        assert_eq!(chosen("logitech-c270", [1920, 1080, 30], None), "MJPG 1280x960 at 30 Hz");
        assert_eq!(chosen("logitech-c270", [1280, 720, 8], Some(CameraFormat::Yuyv)), "YUYV 1280x720 at 7.5 Hz");
        assert_eq!(chosen("playstation-eye", [640, 480, 120], None), "YUYV 640x480 at 60 Hz");
        assert_eq!(chosen("playstation-eye", [320, 240, 120], None), "YUYV 320x240 at 125 Hz");
    }

    #[test]
    fn a_range_offers_every_size_and_rate_in_it() {
        let pi = "raspberry-pi-camera-v1";
        assert_eq!(chosen(pi, [1280, 720, 30], None), "NV12 1280x720 at 30 Hz");
        assert_eq!(chosen(pi, [641, 481, 7], None), "NV12 642x482 at 7 Hz");
        assert_eq!(chosen(pi, [4096, 16, 120], None), "NV12 2592x32 at 90 Hz");
        let no_stages = RequestedMode { luma: false, ..REQUESTED };
        assert_eq!(
            choose_mode(&recorded(pi).formats, &no_stages).unwrap().fourcc,
            FourCc(*b"MJPG"),
            "the smallest on the bus"
        );
    }

    #[test]
    fn a_configured_format_is_found_under_each_of_its_codes_and_never_replaced() {
        let pi = "raspberry-pi-camera-v1";
        for (format, code) in [
            (CameraFormat::Yuyv, "YUYV"),
            (CameraFormat::Bgr24, "BGR3"),
            (CameraFormat::Rgb24, "RGB3"),
            (CameraFormat::Mjpeg, "MJPG"),
        ] {
            assert_eq!(chosen(pi, [640, 480, 30], Some(format)), format!("{code} 640x480 at 30 Hz"));
        }
        let missing = "it has no mjpeg, only YUYV, GRBG; remove camera.v4l2.format to use one of these";
        assert_eq!(chosen("playstation-eye", [640, 480, 30], Some(CameraFormat::Mjpeg)), missing);
        let mut unsupported = recorded("logitech-c920").formats;
        unsupported.retain(|offer| offer.fourcc == FourCc(*b"H264"));
        let error = choose_mode(&unsupported, &REQUESTED).unwrap_err().to_string();
        assert_eq!(
            error,
            "fovea can use none of its formats (H264); it can use MJPEG, YUYV, NV12, GREY, BGR24 and RGB24"
        );
    }

    #[test]
    fn any_range_that_a_driver_states_has_a_nearest_size() {
        let nearest = |[min, max, step]: [u32; 3], requested| {
            let range = SizeRange { min_px: [min; 2], max_px: [max; 2], step_px: [step; 2], rates: Rates::default() };
            nearest_size(&range, Size { width_px: requested, height_px: requested }).width_px
        };
        const MAX: u32 = u32::MAX;
        assert_eq!(nearest([16, 1000, 16], 640), 640);
        assert_eq!(nearest([16, 1000, 0], 641), 641, "a step of 0 is none");
        assert_eq!(nearest([640, 16, 8], 100), 640, "the largest is smaller than the smallest");
        assert_eq!(nearest([0, MAX, MAX], MAX), MAX);
        assert_eq!(nearest([0, MAX, MAX - 1], MAX), MAX - 1);
        assert_eq!(nearest([0, MAX, 3 << 30], MAX), 3 << 30);
        assert_eq!(nearest([1, MAX, 1 << 31], MAX), MAX, "the nearest step does not fit into 32 bits");
        assert_eq!(nearest([MAX, MAX, MAX], 640), MAX);
    }

    const REQUESTED: RequestedMode =
        RequestedMode { format: None, size: Size { width_px: 1280, height_px: 720 }, rate_hz: 30, luma: true };

    #[test]
    fn a_driver_that_enumerates_no_sizes_is_asked_for_the_requested_one() {
        let silent = [Offer { fourcc: FourCc(*b"YUYV"), name: "YUYV".into(), modes: Vec::new(), range: None }];
        assert_eq!(describe(&choose_mode(&silent, &REQUESTED).unwrap()), "YUYV 1280x720 at 30 Hz");
    }

    #[test]
    fn a_mode_that_differs_is_described_with_the_nearest_modes() {
        let offers = recorded("playstation-eye").formats;
        let actual = choose_mode(&offers, &REQUESTED).unwrap();
        assert_eq!(
            shortfall(&offers, &REQUESTED, &actual).unwrap(),
            "gives YUYV 640x480 at 30 Hz instead of 1280x720 at 30 Hz; its nearest modes: YUYV 640x480 at 30 Hz, \
             YUYV 320x240 at 30 Hz"
        );
        let offers = recorded("generic-usb-720p").formats;
        let exact = choose_mode(&offers, &REQUESTED).unwrap();
        assert_eq!(shortfall(&offers, &REQUESTED, &exact), None);
        let slower = CaptureMode { interval: Interval::new(1, 15), ..exact };
        assert!(
            shortfall(&offers, &REQUESTED, &slower).unwrap().starts_with("gives MJPG 1280x720 at 15 Hz instead of")
        );
        let almost = CaptureMode { interval: Interval::new(1001, 30_000), ..exact };
        assert_eq!(shortfall(&offers, &REQUESTED, &almost), None, "29.97 is 30");
        let unknown = CaptureMode { interval: None, ..exact };
        assert_eq!(shortfall(&offers, &REQUESTED, &unknown), None, "the driver has no rates");
    }
}
