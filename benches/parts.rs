//! What each part of a frame's way costs by itself: `cargo bench --bench parts`.

#[path = "promises/footage.rs"]
mod footage;

use bytes::Bytes;
use divan::{Bencher, black_box};
use footage::{FULL_HD, VGA};
use fovea::{
    config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    message::{Age, FrameResult, Message, Motion, Rect},
    processor::{decoder::Decoder, scale::Scale, set_up, stages::Stages},
    slot::Slot,
    source::image_header,
    system::clock::Monotonic,
};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() {
    set_up().expect("OpenCV starts");
    divan::main();
}

/// A frame of the clip, as the processor gets it.
fn frame(size: Size) -> Frame {
    let bytes = footage::frames(size, 1, false).expect("the clip is good").remove(0);
    received(bytes, size)
}

fn received(bytes: Bytes, size: Size) -> Frame {
    let camera = Camera::new(0, "door");
    let origin = Origin { camera, seq: 1, captured_at: Monotonic::now(), captured_by: CapturedBy::Arrival };
    Frame::compressed(origin, PixelFormat::Jpeg, size, bytes)
}

#[divan::bench]
fn publish_and_take(bencher: Bencher<'_, '_>) {
    let (slot, frame) = (Slot::new(4), frame(VGA));
    bencher.with_inputs(|| frame.clone()).bench_local_values(|frame| {
        slot.publish(0, frame);
        slot.take(None)
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
    let settings = config::Camera { name: "door".into(), v4l2: None, motion: Some(config::Motion::default()) };
    let mut stages = Stages::new(&Camera::new(0, "door"), &settings).expect("stages");
    let frames = footage::frames(size, 40, false).expect("the clip is good");
    let mut next = frames.iter().cycle();
    bencher
        .with_inputs(|| received(next.next().expect("without end").clone(), size))
        .bench_local_values(|frame| stages.look(&frame).map(drop));
}

#[divan::bench]
fn result_to_json(bencher: Bencher<'_, '_>) {
    let message = Message::Result(FrameResult {
        camera: "door".into(),
        seq: 1234,
        captured_at: Monotonic::now().wall(),
        captured_by: CapturedBy::Sender,
        age_ms: Age { start: 3.1, result: 9.8 },
        superseded: 2,
        size_px: [1920, 1080],
        motion: Some(Motion {
            score: 0.031,
            boxes: vec![Rect { x: 412, y: 96, width: 60, height: 148 }; 5],
            ..Motion::default()
        }),
    });
    bencher.bench_local(|| message.to_json());
}
