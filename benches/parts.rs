//! What each part of a frame's way costs by itself: `cargo bench --bench parts`.

#[path = "shared/footage.rs"]
mod footage;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use divan::{Bencher, black_box};
use footage::{FULL_HD, VGA};
use fovea::{
    config::{Config, line::Line, zone::Zone},
    counting::Counting,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    hub::Hub,
    message::{Age, Details, Detection, FrameResult, Message, Rect},
    processor::{
        decoder::Decoder,
        pipeline::CameraPipeline,
        scale::Scale,
        views::{Needs, Scratch, Views},
        worker::Worker,
    },
    slot::Slot,
    source::image_header,
    stage::{
        StageContext,
        motion::{Settings, detector::Detector},
    },
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
    tracking::Tracker,
};
use opencv::{core::Mat, prelude::*};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() {
    Worker::new().expect("OpenCV starts");
    divan::main();
}

/// A frame of the clip, as the processor gets it.
fn frame(size: Size) -> Frame {
    let bytes = footage::frames(size, 1, false).expect("the clip is good").remove(0);
    received(bytes, size)
}

fn received(bytes: Bytes, size: Size) -> Frame {
    let camera = Camera::new("door");
    let origin = Origin { camera, seq: 1, captured_at: Monotonic::now(), captured_by: CapturedBy::Arrival };
    Frame::compressed(origin, PixelFormat::Jpeg, size, bytes)
}

#[divan::bench]
fn publish_and_take(bencher: Bencher<'_, '_>) {
    let (slot, frame) = (Slot::new(), frame(VGA));
    let cells = [(); 4].map(|()| slot.open());
    bencher.with_inputs(|| frame.clone()).bench_local_values(|frame| {
        cells[0].publish(frame);
        slot.take(Duration::from_micros(1), None)
    });
}

#[divan::bench]
fn head_of_a_jpeg(bencher: Bencher<'_, '_>) {
    let frame = frame(FULL_HD);
    bencher.bench_local(|| image_header::read(black_box(frame.bytes())));
}

#[divan::bench(args = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth])]
fn decode_1080p_gray(bencher: Bencher<'_, '_>, scale: Scale) {
    let (frame, mut decoder) = (frame(FULL_HD), Decoder::new().expect("a decoder"));
    bencher.bench_local(|| decoder.jpeg(&frame, scale, false));
}

#[divan::bench]
fn decode_1080p_colour(bencher: Bencher<'_, '_>) {
    let (frame, mut decoder) = (frame(FULL_HD), Decoder::new().expect("a decoder"));
    bencher.bench_local(|| decoder.jpeg(&frame, Scale::Full, true));
}

/// A camera with motion, which has seen nothing.
fn pipeline() -> CameraPipeline {
    let text = "[[camera]]\nname = \"door\"\n[camera.motion]";
    let stages = Config::parse("bench", text).expect("it is good").cameras.remove(0).stages;
    let metrics = Arc::new(CameraMetrics::new(Camera::new("door")));
    CameraPipeline::new(&stages, &StageContext::default(), metrics, None)
}

#[divan::bench(args = [VGA, FULL_HD])]
fn decode_and_motion(bencher: Bencher<'_, '_>, size: Size) {
    let (mut scratch, hub, mut pipeline) = (Scratch::new().expect("a decoder"), Hub::default(), pipeline());
    let frames = footage::frames(size, 40, false).expect("the clip is good");
    let mut next = frames.iter().cycle();
    bencher
        .with_inputs(|| received(next.next().expect("without end").clone(), size))
        .bench_local_values(|frame| pipeline.process(&frame, 0, &mut scratch, &hub));
}

/// The clip as a raw camera sends it, ten frames a second.
fn raw_frames(format: PixelFormat) -> Vec<Frame> {
    let (jpegs, mut decoder) = (footage::frames(VGA, CLIP_FRAMES, false).expect("the clip is good"), Decoder::new());
    let decoder = decoder.as_mut().expect("a decoder");
    let raw = |(number, jpeg): (u64, Bytes)| {
        decoder.jpeg(&received(jpeg, VGA), Scale::Full, false).expect("a picture");
        let mut bytes = decoder.pixels()[..decoder.pixels().len().min(640 * 480)].to_vec();
        match format {
            PixelFormat::Yuyv => bytes = bytes.into_iter().flat_map(|luma| [luma, 128]).collect(),
            PixelFormat::Nv12 | PixelFormat::I420 => bytes.resize(640 * 480 / 2 * 3, 128),
            _ => {}
        }
        let captured_at = Monotonic::from_micros(number * 100_000);
        let origin = Origin { camera: Camera::new("door"), seq: number, captured_at, captured_by: CapturedBy::Driver };
        Frame::raw(origin, format, VGA, 0, bytes.into()).expect("all rows")
    };
    (1_u64..).zip(jpegs).map(raw).collect()
}

#[divan::bench(args = [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey])]
fn small_luma_of_raw(bencher: Bencher<'_, '_>, format: PixelFormat) {
    let (frame, mut scratch) = (raw_frames(format).remove(0), Scratch::new().expect("a decoder"));
    let mut shrink = || {
        let views = Views::decode(&frame, Needs::luma(320), &mut scratch).expect("all rows").expect("luma is needed");
        black_box(views.luma(320).expect("memory"));
    };
    bencher.bench_local(&mut shrink);
}

/// All of the clip, from a camera that has seen nothing.
#[divan::bench(args = [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey])]
fn raw_and_motion(bencher: Bencher<'_, '_>, format: PixelFormat) {
    let (frames, mut scratch, hub) = (raw_frames(format), Scratch::new().expect("a decoder"), Hub::default());
    bencher.counter(CLIP_FRAMES).bench_local(|| {
        let mut pipeline = pipeline();
        frames.iter().for_each(|frame| pipeline.process(frame, 0, &mut scratch, &hub));
    });
}

/// The luma of consecutive frames, as motion looks at it, with their capture times.
fn lumas(count: usize) -> Vec<(Mat, Monotonic)> {
    let (frames, mut decoder) = (footage::frames(VGA, count, false).expect("the clip is good"), Decoder::new());
    let decoder = decoder.as_mut().expect("a decoder");
    let luma = |bytes| {
        decoder.jpeg(&received(bytes, VGA), Scale::Half, false).expect("a picture");
        let size = Scale::Half.of(VGA);
        let flat = Mat::from_slice(decoder.pixels()).expect("memory");
        flat.reshape(1, size.height_px.cast_signed()).expect("whole rows").try_clone().expect("memory")
    };
    let times = (1_u64..).map(|number| Monotonic::from_micros(number * 100_000)); // ten frames a second
    frames.into_iter().map(luma).zip(times).collect()
}

/// The whole clip: in its first half a second motion learns the scene.
const CLIP_FRAMES: usize = 90;

#[divan::bench]
fn motion(bencher: Bencher<'_, '_>) {
    let lumas = lumas(CLIP_FRAMES);
    bencher.counter(CLIP_FRAMES).bench_local(|| {
        let mut detector = Detector::new(&Settings::default());
        lumas.iter().for_each(|(luma, at)| drop(black_box(detector.detect(luma, VGA, *at))));
    });
}

/// With four lines and four zones.
#[divan::bench]
fn track_and_count(bencher: Bencher<'_, '_>) {
    let mut detector = Detector::new(&Settings::default());
    let detect = |(luma, at): &(Mat, Monotonic)| (detector.detect(luma, VGA, *at).expect("a picture").boxes, *at);
    let seen: Vec<_> = lumas(CLIP_FRAMES).iter().map(detect).collect();
    let lines = [0.2, 0.4, 0.6, 0.8].map(|x| Line::new("line", [x, 0.0], [x, 1.0]));
    let zone = |x: f32| Zone::named("zone", vec![[x, 0.0], [x + 0.2, 0.0], [x + 0.2, 1.0], [x, 1.0]]);
    let zones = [0.1, 0.3, 0.5, 0.7].map(zone);
    bencher.counter(CLIP_FRAMES).bench_local(|| {
        let mut tracker = Tracker::new(Duration::from_secs(3));
        let mut counting = Counting::new(&lines, &zones, Monotonic::from_micros(0));
        for (boxes, at) in &seen {
            tracker.observe(boxes, *at);
            black_box(counting.observe(tracker.tracks(), VGA, *at));
        }
    });
}

#[divan::bench]
fn result_to_json(bencher: Bencher<'_, '_>) {
    let bounds = Rect { x: 412, y: 96, width: 60, height: 148 };
    let detection = Detection { label: "motion".into(), bounds, score: None, track: None, text: None };
    let message = Message::Result(FrameResult {
        camera: "door".into(),
        seq: 1234,
        processor: None,
        captured_at: Monotonic::now().wall(),
        captured_by: CapturedBy::Sender,
        age_ms: Age { start: 3.1, result: 9.8 },
        superseded: 2,
        size_px: [1920, 1080],
        details: Details::default(),
        detections: vec![detection; 5].into(),
        counts: None,
        errors: BTreeMap::new(),
    });
    bencher.bench_local(|| message.to_json());
}
