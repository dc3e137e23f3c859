//! What each part of a frame's way costs by itself: `cargo bench --bench parts`.

#[path = "promises/footage.rs"]
mod footage;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use divan::{Bencher, black_box};
use footage::{FULL_HD, VGA};
use fovea::{
    config::Config,
    counting::Counting,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    hub::Hub,
    message::{Age, Details, Detection, FrameResult, Message, Rect},
    processor::{decoder::Decoder, pipeline::CameraPipeline, scale::Scale, views::Scratch, worker::Worker},
    slot::Slot,
    source::image_header,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};

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

#[divan::bench(args = [VGA, FULL_HD])]
fn decode_and_motion(bencher: Bencher<'_, '_>, size: Size) {
    let text = "[[camera]]\nname = \"door\"\n[camera.motion]";
    let stages = Config::parse("bench", text).expect("it is good").cameras.remove(0).stages;
    let metrics = Arc::new(CameraMetrics::new(Camera::new("door")));
    let mut pipeline = CameraPipeline::new(&stages, Counting::of_nothing(), metrics, None);
    let (mut scratch, hub) = (Scratch::new().expect("a decoder"), Hub::default());
    let frames = footage::frames(size, 40, false).expect("the clip is good");
    let mut next = frames.iter().cycle();
    bencher
        .with_inputs(|| received(next.next().expect("without end").clone(), size))
        .bench_local_values(|frame| pipeline.process(&frame, 0, &mut scratch, &hub));
}

#[divan::bench]
fn result_to_json(bencher: Bencher<'_, '_>) {
    let bounds = Rect { x: 412, y: 96, width: 60, height: 148 };
    let detection = Detection { label: "motion".into(), bounds, score: None, track: None, text: None };
    let message = Message::Result(FrameResult {
        camera: "door".into(),
        seq: 1234,
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
