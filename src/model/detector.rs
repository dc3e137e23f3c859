//! A manifest, its file and the process that runs it, as one thing: a picture in, boxes out.

use std::time::Duration;

use super::{
    candidate::suppress_overlapping,
    decode::{DecodeError, Decoder, Outputs},
    file::{FileError, ModelFile},
    manifest::{Manifest, Preparation, labels_or_usual},
    onnx::Kind,
    prepare::{Pixels, prepare},
    process::{Network, NetworkError, Run},
    tensor::ShapeError,
};
use crate::{frame::Size, message::Rect};

/// The size of an input that neither the file nor the manifest states.
const USUAL_SIDE_PX: u32 = 320;

/// The longest side of an input. Beyond it a run takes minutes on a board.
pub const MAX_SIDE_PX: u32 = 2048;

/// A network that is ready to look at pictures.
#[derive(Debug)]
pub struct Detector {
    manifest: Manifest,
    network: Network,
    input: Size,
    decoder: Decoder,
    classes: usize,
}

/// One thing that a network found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is.
    pub label: String,
    /// How sure the network is, 0 to 1.
    pub score: f32,
    /// Where it is in the picture.
    pub bounds: Rect,
}

/// What opening a network showed: `fovea model check` prints it.
#[derive(Debug)]
pub struct Opened {
    /// Ready to look at pictures.
    pub detector: Detector,
    /// What the first run gave and cost, on a grey picture.
    pub first: Run,
    /// The second, which is as those that follow.
    pub second: Run,
}

/// Why a network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its process.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// It takes something else than pictures.
    #[error(
        "its input is {found}, and not a picture: fovea reads 1 x 3 x rows x columns (nchw) or 1 x rows x columns x 3 (nhwc)"
    )]
    Input {
        /// What it takes.
        found: String,
    },
    /// The manifest says another size than the file.
    #[error("the manifest says an input of {wanted}, and the file takes {found}: leave width_px and height_px out")]
    Size {
        /// That of the manifest.
        wanted: Size,
        /// That of the file.
        found: Size,
    },
    /// Too large for a board.
    #[error("its input is {0}; fovea runs networks of at most {MAX_SIDE_PX} pixels a side")]
    TooLarge(Size),
    /// The input is larger than a tensor.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// No decoder fits.
    #[error("no decoder fits its outputs ({}); fovea reads those of {}", .found.join(", "), decoders())]
    NoDecoder {
        /// The outputs.
        found: Vec<String>,
    },
    /// The decoder of the manifest does not fit.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A run takes too long.
    #[error("one run takes {:.1} s, and the limit is {:.1} s (timeout_ms)", .took.as_secs_f32(), .limit.as_secs_f32())]
    Slow {
        /// How long it took.
        took: Duration,
        /// How long it may take.
        limit: Duration,
    },
}

fn decoders() -> String {
    Decoder::NAMES.map(|(name, _)| name).join(", ")
}

/// How much longer than allowed the first run may take, so that it can be said how long it takes.
const FIRST_RUN_FACTOR: u32 = 3;

impl Detector {
    /// Opens a network and runs it twice on a grey picture. A relative path of its file begins where this process runs.
    ///
    /// # Errors
    /// If it cannot be used, with what to do.
    pub fn open(manifest: Manifest) -> Result<Opened, DetectorError> {
        let file = ModelFile::read(&manifest.file, manifest.sha256)?;
        Self::open_file(manifest, &file)
    }

    /// The same with a file that is read already.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_file(mut manifest: Manifest, file: &ModelFile) -> Result<Opened, DetectorError> {
        let input = input_size(&mut manifest, file)?;
        let mut network = Network::open(file, &manifest)?;
        let grey = vec![128; 3 * input.width_px as usize * input.height_px as usize];
        let pixels = Pixels::new(input, &grey).expect("there are as many");
        let (tensor, _) = prepare(pixels, input, &manifest.preparation())?;
        let first = network.run_within(&tensor, manifest.timeout.saturating_mul(FIRST_RUN_FACTOR))?;
        if first.time > manifest.timeout {
            return Err(DetectorError::Slow { took: first.time, limit: manifest.timeout });
        }
        let second = network.run(&tensor)?;
        let outputs = Outputs { tensors: &first.outputs, input, classes: manifest.labels.count() };
        let (decoder, classes) = match manifest.decoder {
            Some(decoder) => {
                decoder.decode(outputs, &manifest.thresholds)?;
                (decoder, decoder.classes(outputs).unwrap_or(1))
            }
            None => Decoder::guess(outputs).ok_or_else(|| DetectorError::NoDecoder {
                found: first.outputs.iter().take(16).map(|tensor| tensor.printed_shape().to_string()).collect(),
            })?,
        };
        manifest.decoder = Some(decoder);
        manifest.labels = labels_or_usual(manifest.labels, Some(decoder));
        Ok(Opened { detector: Self { manifest, network, input, decoder, classes }, first, second })
    }

    /// Looks at a picture. Blocks for as long as a run takes, at most for the manifest's time.
    ///
    /// # Errors
    /// If the network fails. It may have ended then: open it again.
    pub fn detect(&mut self, pixels: Pixels<'_>) -> Result<Vec<Found>, DetectorError> {
        let (tensor, letterbox) = prepare(pixels, self.input, &self.preparation())?;
        let run = self.network.run(&tensor)?;
        let outputs = Outputs { tensors: &run.outputs, input: self.input, classes: self.manifest.labels.count() };
        let candidates = self.decoder.decode(outputs, &self.manifest.thresholds)?;
        let best = suppress_overlapping(&candidates, self.manifest.max_overlap);
        let found = best.into_iter().filter_map(|candidate| {
            let bounds = letterbox.to_picture(candidate.bounds)?;
            let label = self.manifest.labels.of(candidate.class, self.classes);
            Some(Found { label, score: candidate.score, bounds })
        });
        Ok(found.collect())
    }

    /// How it reads outputs.
    #[must_use]
    pub fn decoder(&self) -> Decoder {
        self.decoder
    }

    /// How many classes it has.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The size of its input.
    #[must_use]
    pub fn input(&self) -> Size {
        self.input
    }

    /// How a picture goes in.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        self.manifest.preparation()
    }

    /// The process that runs it.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// The size of the input, from the file and the manifest. If the manifest leaves the layout open, it becomes that of the file.
fn input_size(manifest: &mut Manifest, file: &ModelFile) -> Result<Size, DetectorError> {
    use super::manifest::Layout;
    let port = &file.survey.inputs[0]; // a survey has one
    let described = || DetectorError::Input { found: described(port) };
    if matches!(port.kind, Kind::Other(kind) if kind != 0) {
        return Err(described());
    }
    let [pictures, a, b, c] = *port.shape.as_slice() else { return Err(described()) };
    if pictures.is_some_and(|pictures| pictures != 1) {
        return Err(described());
    }
    let layout = match (a, c) {
        (Some(3), _) => Layout::Nchw,
        (_, Some(3)) => Layout::Nhwc,
        (None, _) if manifest.input.layout == Some(Layout::Nchw) || c.is_none() => Layout::Nchw,
        _ => return Err(described()),
    };
    let layout = *manifest.input.layout.get_or_insert(layout);
    let (rows, columns) = if layout == Layout::Nchw { (b, c) } else { (a, b) };
    let wanted = [manifest.input.width_px, manifest.input.height_px];
    let of_file = [columns, rows].map(|side| side.and_then(|side| u32::try_from(side).ok()));
    let [width_px, height_px] = [0, 1].map(|axis| of_file[axis].or(wanted[axis]).unwrap_or(USUAL_SIDE_PX));
    let size = Size { width_px, height_px };
    let [wanted_width, wanted_height] = [wanted[0].unwrap_or(width_px), wanted[1].unwrap_or(height_px)];
    if (wanted_width, wanted_height) != (width_px, height_px) {
        let wanted = Size { width_px: wanted_width, height_px: wanted_height };
        return Err(DetectorError::Size { wanted, found: size });
    }
    if width_px.max(height_px) > MAX_SIDE_PX {
        return Err(DetectorError::TooLarge(size));
    }
    Ok(size)
}

fn described(port: &super::onnx::Port) -> String {
    let sides: Vec<_> = port.shape.iter().map(|side| side.map_or("?".to_owned(), |side| side.to_string())).collect();
    let kind = match port.kind {
        Kind::Float => "numbers",
        Kind::Byte => "bytes",
        Kind::Other(_) => "values of another kind",
    };
    if sides.is_empty() { format!("one of {kind}") } else { format!("{} {kind}", sides.join("x")) }
}
