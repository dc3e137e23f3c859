//! Recorded frames: JPEG and PNG files, folders of them, MJPEG and AVI-MJPEG files.
//!
//! Pictures are handed out as they are in the file, undecoded, read one at a time: a recording may be larger than
//! memory. Files are told apart by what is in them. Lengths and indexes in them are hints, not facts; cameras
//! lose power while they record.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use crate::frame::PixelFormat;

mod avi;
mod mjpeg;
mod natural;

/// No picture in a recording is larger; a length that says so is wrong.
const MAX_PICTURE_BYTES: u64 = 64 << 20;

/// Where the first picture of an MJPEG file has begun at the latest: a multipart header may stand before it.
const FIRST_PICTURE_WITHIN: usize = 4 << 10;

/// File names that a folder is searched for.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "mjpg", "mjpeg", "avi"];

/// One undecoded picture of a recording.
#[derive(Clone)]
pub struct Still {
    /// JPEG or PNG.
    pub format: PixelFormat,
    /// The file, or the part of it that is this picture.
    pub bytes: Bytes,
}

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.format, self.bytes.len())
    }
}

/// A place in a file, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// Bytes from its beginning.
    pub byte: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}", self.file.display(), self.byte)
    }
}

/// What is wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder cannot be opened.
    #[error("cannot open {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// A file cannot be read on.
    #[error("{0}: cannot read on")]
    Read(Place, #[source] io::Error),
    /// Nothing fovea can take pictures from.
    #[error("{}: no JPEG, PNG, MJPEG or AVI file", .0.display())]
    Unknown(PathBuf),
    /// A folder without pictures.
    #[error("{}: no file in this folder ends in .jpg, .jpeg, .png, .mjpg, .mjpeg or .avi", .0.display())]
    NoPictures(PathBuf),
    /// An AVI file of another codec.
    #[error(
        "{}: the video in it is {fourcc:?} where fovea reads MJPEG; \
         `ffmpeg -i {} -c:v mjpeg -q:v 3 NEW.avi` makes such a file", .file.display(), .file.display()
    )]
    Codec {
        /// The file.
        file: PathBuf,
        /// The codec's code.
        fourcc: String,
    },
    /// An AVI file without a video stream.
    #[error("{}: an AVI file without video", .0.display())]
    NoVideo(PathBuf),
    /// A picture has no end. It is left out.
    #[error("{0}: the picture that begins here is cut off and left out")]
    Cut(Place),
    /// A picture is no JPEG. It is left out.
    #[error("{0}: the picture that begins here is damaged and left out")]
    Damaged(Place),
    /// A picture is too large to be one. It is left out.
    #[error("{0}: the picture that begins here has more than {MAX_PICTURE_BYTES} bytes and is left out")]
    TooLarge(Place),
}

/// Pictures in their order, from one or more files, and what the files say of their rate.
#[derive(Clone, Debug)]
pub struct Recording {
    parts: Vec<Part>,
    about: About,
}

/// What a file says of the pictures in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct About {
    rate_hz: Option<f64>,
    pictures: Option<u64>,
}

/// One file, on disk or in memory.
#[derive(Clone, Debug)]
struct Part {
    file: Arc<Path>,
    memory: Option<Bytes>,
}

trait Input: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> Input for T {}

type Stills = Box<dyn Iterator<Item = Result<Still, RecordingError>> + Send>;

impl Recording {
    /// The recording made of `paths` in their order. A folder stands for the pictures and videos in it, sorted as
    /// people count (`9.jpg` before `10.jpg`), its own folders left out.
    ///
    /// # Errors
    /// When a path cannot be opened or holds nothing to send. Of a folder only the first file is looked into;
    /// the others tell what is wrong with them when they are read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RecordingError> {
        let mut parts = Vec::new();
        let mut abouts = Vec::new();
        for path in paths {
            if fs::metadata(path).map_err(|e| RecordingError::Open(path.clone(), e))?.is_dir() {
                let files = folder(path)?;
                abouts.push(files[0].begin()?.0);
                abouts.extend(files[1..].iter().map(Part::guess));
                parts.extend(files);
            } else {
                let part = Part { file: path.as_path().into(), memory: None };
                abouts.push(part.begin()?.0);
                parts.push(part);
            }
        }
        let about = About {
            rate_hz: abouts.iter().find_map(|about| about.rate_hz),
            pictures: abouts.iter().map(|about| about.pictures).sum(),
        };
        Ok(Self { parts, about })
    }

    /// The recording in `bytes`, any file that [`Recording::open`] reads; `name` stands for it in messages.
    ///
    /// # Errors
    /// When there is nothing to send in it.
    pub fn from_bytes(name: &str, bytes: Bytes) -> Result<Self, RecordingError> {
        let part = Part { file: Path::new(name).into(), memory: Some(bytes) };
        let (about, _) = part.begin()?;
        Ok(Self { parts: vec![part], about })
    }

    /// Pictures a second, as the first file that says so says.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f64> {
        self.about.rate_hz
    }

    /// How many pictures there are, by what the files say of themselves: for a progress bar, not to rely on.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        self.about.pictures
    }

    /// The pictures from the first to the last, read as they are asked for. After an error comes the next picture
    /// that can be had.
    pub fn stills(&self) -> impl Iterator<Item = Result<Still, RecordingError>> + Send + '_ {
        self.parts.iter().flat_map(|part| match part.begin() {
            Ok((_, stills)) => stills,
            Err(error) => Box::new(std::iter::once(Err(error))),
        })
    }
}

/// The files of a folder that are worth opening, in their order; at least one.
fn folder(path: &Path) -> Result<Vec<Part>, RecordingError> {
    let error = |e| RecordingError::Open(path.to_owned(), e);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(error)? {
        let file = entry.map_err(error)?.path();
        if EXTENSIONS.iter().any(|extension| has_extension(&file, extension)) && file.is_file() {
            files.push(file);
        }
    }
    files.sort_by(|a, b| natural::compare(&a.to_string_lossy(), &b.to_string_lossy()));
    if files.is_empty() {
        return Err(RecordingError::NoPictures(path.to_owned()));
    }
    Ok(files.into_iter().map(|file| Part { file: file.into(), memory: None }).collect())
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|has| has.eq_ignore_ascii_case(extension))
}

impl Part {
    /// What can be said of it without opening it.
    fn guess(&self) -> About {
        let still = ["jpg", "jpeg", "png"].iter().any(|extension| has_extension(&self.file, extension));
        About { rate_hz: None, pictures: still.then_some(1) }
    }

    fn open(&self) -> io::Result<Box<dyn Input>> {
        Ok(match &self.memory {
            Some(bytes) => Box::new(Cursor::new(bytes.clone())),
            None => Box::new(BufReader::with_capacity(256 << 10, File::open(&self.file)?)),
        })
    }

    /// Opens it, finds out what it is and begins to read it.
    fn begin(&self) -> Result<(About, Stills), RecordingError> {
        let file = &self.file;
        let opening = |e| RecordingError::Open(file.to_path_buf(), e);
        let mut input = self.open().map_err(opening)?;
        let start = input.fill_buf().map_err(opening)?;
        let one = About { rate_hz: None, pictures: Some(1) };
        if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"AVI ") {
            let avi = avi::Avi::new(file.clone(), input)?;
            Ok((About { rate_hz: avi.rate_hz(), pictures: avi.pictures() }, Box::new(avi)))
        } else if start.starts_with(b"\x89PNG\r\n\x1a\n") {
            Ok((one, whole(file.clone(), PixelFormat::Png, input)))
        } else if start.starts_with(&mjpeg::START) && ["jpg", "jpeg"].iter().any(|e| has_extension(file, e)) {
            // One picture, whatever follows it: phones append a second one for the depth or the brightness.
            Ok((one, whole(file.clone(), PixelFormat::Jpeg, input)))
        } else if mjpeg::find_start(&start[..start.len().min(FIRST_PICTURE_WITHIN)]).is_some() {
            Ok((About::default(), Box::new(mjpeg::Mjpeg::new(file.clone(), input))))
        } else {
            Err(RecordingError::Unknown(file.to_path_buf()))
        }
    }
}

/// A file that is one picture.
fn whole(file: Arc<Path>, format: PixelFormat, input: impl Input + 'static) -> Stills {
    Box::new(std::iter::once_with(move || {
        let mut bytes = Vec::new();
        let place = Place { file, byte: 0 };
        match input.take(MAX_PICTURE_BYTES + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > MAX_PICTURE_BYTES => Err(RecordingError::TooLarge(place)),
            Ok(_) => Ok(Still { format, bytes: bytes.into() }),
            Err(e) => Err(RecordingError::Read(place, e)),
        }
    }))
}

#[cfg(test)]
mod tests;
