//! The real clip, by way of `footage.py`, and JPEG at the scales the daemon decodes at.

use std::{fs, path::Path, process::Command};

use fovea::frame::Size;
use opencv::{core::Mat, prelude::*};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

/// What a script in this folder prints, or in a sentence what is missing.
pub(crate) fn run_script(script: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("/usr/bin/python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/motion_quality").join(script))
        .args(arguments)
        .output()
        .map_err(|e| format!("/usr/bin/python3 does not run ({e}): apt-get install opencv-doc python3-opencv"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{script}: {e}"))
}

/// The clip's frames, each a JPEG file, and the file they are in.
pub(crate) struct Footage {
    pub(crate) path: String,
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Footage {
    pub(crate) fn load() -> Result<Self, String> {
        let path = run_script("footage.py", &[])?.trim().to_owned();
        let bytes = fs::read(&path).map_err(|e| format!("{path}: {e}"))?;
        let mut rest = bytes.strip_prefix(b"FVJ1").ok_or(format!("{path} is not footage: delete it"))?;
        let mut frames = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (frame, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            frames.push(frame.to_vec());
            rest = after;
        }
        Ok(Self { path, frames })
    }

    /// The scene without its walkers: for each pixel the median of frames from all over the clip.
    pub(crate) fn median(&self, size: Size) -> Vec<u8> {
        let mut codec = Codec::new(size, ScalingFactor::ONE);
        let some: Vec<Vec<u8>> = self
            .frames
            .iter()
            .step_by(self.frames.len().div_ceil(41))
            .map(|frame| codec.decode(frame).data_bytes().expect("it has no gaps").to_vec())
            .collect();
        let median = |i: usize| {
            let mut values: Vec<u8> = some.iter().map(|picture| picture[i]).collect();
            *values.select_nth_unstable(some.len() / 2).1
        };
        (0..some[0].len()).map(median).collect()
    }
}

/// Packs and unpacks gray JPEG files of one size.
pub(crate) struct Codec {
    size: Size,
    scale: ScalingFactor,
    packer: Compressor,
    unpacker: Decompressor,
    luma: Mat,
}

impl Codec {
    pub(crate) fn new(size: Size, scale: ScalingFactor) -> Self {
        Self::of_quality(80, size, scale)
    }

    pub(crate) fn of_quality(quality: i32, size: Size, scale: ScalingFactor) -> Self {
        let mut packer = Compressor::new().expect("libjpeg-turbo has memory");
        packer.set_quality(quality).expect("1 to 100");
        packer.set_subsamp(Subsamp::Gray).expect("gray is a sampling");
        let mut unpacker = Decompressor::new().expect("libjpeg-turbo has memory");
        unpacker.set_scaling_factor(scale).expect("a scale of libjpeg-turbo");
        Self { size, scale, packer, unpacker, luma: Mat::default() }
    }

    /// A JPEG file of rows without padding.
    pub(crate) fn encode(&mut self, pixels: &[u8]) -> Vec<u8> {
        let (width, height) = (self.size.width_px as usize, self.size.height_px as usize);
        let image = Image { pixels, width, pitch: width, height, format: PixelFormat::GRAY };
        self.packer.compress_to_vec(image).expect("any picture can be packed")
    }

    /// The scaled luma of a JPEG file, rows x columns x 1.
    pub(crate) fn decode(&mut self, jpeg: &[u8]) -> &Mat {
        let width = self.scale.scale(self.size.width_px as usize);
        let height = self.scale.scale(self.size.height_px as usize);
        if self.luma.empty() {
            let pixels = vec![0_u8; width * height];
            let rows = i32::try_from(height).expect("a small picture");
            self.luma = Mat::from_slice(&pixels).and_then(|row| row.reshape(1, rows)?.try_clone()).expect("memory");
        }
        let pixels = self.luma.data_bytes_mut().expect("it has no gaps");
        let image = Image { pixels, width, pitch: width, height, format: PixelFormat::GRAY };
        self.unpacker.decompress(jpeg, image).expect("a JPEG file that we packed");
        &self.luma
    }
}
