//! The stage's CPU time a frame, by the size of the luma, on the real clip as if it had 30 frames a second.

use fovea::stage::motion::{Settings, detector::Detector};
use opencv::{core, imgproc};
use turbojpeg::ScalingFactor;

use crate::{
    at, cpu_ms,
    footage::{Codec, Footage},
    picture::SIZE,
};

const FRAMES: usize = 3000;

pub(crate) fn print(footage: &Footage) {
    println!("| luma | mean | median | 99 of 100 below |");
    println!("| --- | --: | --: | --: |");
    let mut codec = Codec::new(SIZE, ScalingFactor::ONE_HALF);
    for (width, height) in [(240, 135), (320, 240), (384, 288)] {
        let mut scaled = |frame: &Vec<u8>| {
            let (size, mut scaled) = (core::Size::new(width, height), core::Mat::default());
            imgproc::resize(codec.decode(frame), &mut scaled, size, 0.0, 0.0, imgproc::INTER_AREA).expect("bytes");
            scaled
        };
        let pictures: Vec<core::Mat> = footage.frames.iter().step_by(3).map(&mut scaled).collect();
        let mut detector = Detector::new(&Settings::default());
        let mut look = |(number, picture)| {
            let began = cpu_ms();
            detector.detect(picture, SIZE, at(number as f64 / 30.0)).expect("a picture of bytes");
            cpu_ms() - began
        };
        let mut spent_ms: Vec<f64> = (0_u32..).zip(pictures.iter().cycle()).take(FRAMES).map(&mut look).collect();
        spent_ms.sort_by(f64::total_cmp);
        let mean = spent_ms.iter().sum::<f64>() / FRAMES as f64;
        let (median, most) = (spent_ms[FRAMES / 2], spent_ms[FRAMES * 99 / 100]);
        println!("| {width}x{height} | {mean:.3} ms | {median:.3} ms | {most:.3} ms |");
    }
}
