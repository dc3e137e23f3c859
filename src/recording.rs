//! Recorded frames: JPEG and PNG files, folders of them, MJPEG and AVI-MJPEG files.
//!
//! A recording yields its pictures undecoded and reads them one at a time: it may be larger than memory. The content of
//! a file decides its format, not its name. Lengths and indexes in a file are hints: cameras lose power while they
//! record.

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
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod jpeg_splitter;
mod mjpeg;
mod natural_sort;

/// The largest picture that a recording may have. A length beyond it is damage.
const MAX_PICTURE_BYTES: u64 = 64 << 20;

/// How far into an MJPEG file its first picture may start: a multipart header may come before it.
const MAX_PREAMBLE_BYTES: usize = 4 << 10;

/// The extensions of the files that a folder contributes.
const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "mjpg", "mjpeg", "avi"];

/// One undecoded picture of a recording.
#[derive(Clone)]
pub struct Still {
    /// JPEG or PNG.
    pub format: PixelFormat,
    /// The bytes of the picture as they are in the file.
    pub bytes: Bytes,
}

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.format, self.bytes.len())
    }
}

/// An offset in a file, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOffset {
    /// The file.
    pub file: Arc<Path>,
    /// Bytes from the start of the file.
    pub offset: u64,
}

impl fmt::Display for FileOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}", self.file.display(), self.offset)
    }
}

/// Why a recording or one of its pictures is unusable.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder does not open.
    #[error("cannot open {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// Reading failed in the middle of a file.
    #[error("{0}: cannot read further")]
    Read(FileOffset, #[source] io::Error),
    /// A file of a format without pictures.
    #[error("{}: not a JPEG, PNG, MJPEG or AVI file", .0.display())]
    UnknownFormat(PathBuf),
    /// A folder without pictures.
    #[error("{}: no file in this folder ends in .jpg, .jpeg, .png, .mjpg, .mjpeg or .avi", .0.display())]
    NoPictures(PathBuf),
    /// An AVI file of another codec.
    #[error(
        "{}: its video is {fourcc:?}, but fovea reads MJPEG; \
         `ffmpeg -i {} -c:v mjpeg -q:v 3 NEW.avi` converts it", .file.display(), .file.display()
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
    /// A picture without an end. The recording goes on behind it.
    #[error("{0}: the picture that begins here is cut off; fovea skips it")]
    Truncated(FileOffset),
    /// A picture that is no JPEG. The recording goes on behind it.
    #[error("{0}: the picture that begins here is damaged; fovea skips it")]
    Damaged(FileOffset),
    /// A picture beyond the largest size. The recording goes on behind it.
    #[error("{0}: the picture that begins here has more than {MAX_PICTURE_BYTES} bytes; fovea skips it")]
    TooLarge(FileOffset),
}

/// The pictures of one or more files in their order, and the rate that the files state.
#[derive(Clone, Debug)]
pub struct Recording {
    files: Vec<RecordedFile>,
    metadata: Metadata,
}

/// What a file states about its pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Metadata {
    rate_hz: Option<f64>,
    pictures: Option<u64>,
}

/// One file, on disk or in memory.
#[derive(Clone, Debug)]
struct RecordedFile {
    path: Arc<Path>,
    /// The content, if it is in memory; then `path` is a name for messages.
    memory: Option<Bytes>,
}

trait Input: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> Input for T {}

type Stills = Box<dyn Iterator<Item = Result<Still, RecordingError>> + Send>;

impl Recording {
    /// Opens `paths` as one recording, in their order. A folder contributes the pictures and videos in it in natural
    /// sort order (`9.jpg` before `10.jpg`), but not those of its subfolders.
    ///
    /// # Errors
    /// If a path does not open or has no pictures. Of a folder this opens the first file only; the others report their
    /// errors when they are read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RecordingError> {
        let mut files = Vec::new();
        let mut metadata = Vec::new();
        for path in paths {
            if fs::metadata(path).map_err(|e| RecordingError::Open(path.clone(), e))?.is_dir() {
                let in_folder = list_folder(path)?;
                metadata.push(in_folder[0].read()?.0);
                metadata.extend(in_folder[1..].iter().map(RecordedFile::guess_metadata));
                files.extend(in_folder);
            } else {
                let file = RecordedFile { path: path.as_path().into(), memory: None };
                metadata.push(file.read()?.0);
                files.push(file);
            }
        }
        let metadata = Metadata {
            rate_hz: metadata.iter().find_map(|metadata| metadata.rate_hz),
            pictures: metadata.iter().map(|metadata| metadata.pictures).sum(),
        };
        Ok(Self { files, metadata })
    }

    /// Opens the content of any file that [`Recording::open`] reads; `name` stands for the file in messages.
    ///
    /// # Errors
    /// If it has no pictures.
    pub fn from_bytes(name: &str, bytes: Bytes) -> Result<Self, RecordingError> {
        let file = RecordedFile { path: Path::new(name).into(), memory: Some(bytes) };
        let (metadata, _) = file.read()?;
        Ok(Self { files: vec![file], metadata })
    }

    /// Pictures per second, as the first file states that states a rate.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f64> {
        self.metadata.rate_hz
    }

    /// The number of pictures that the files state: good for a progress bar, but not to rely on.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        self.metadata.pictures
    }

    /// The pictures from the first to the last; the iterator reads each when it is asked for it. After an error it goes
    /// on with the next readable picture.
    pub fn stills(&self) -> impl Iterator<Item = Result<Still, RecordingError>> + Send + '_ {
        self.files.iter().flat_map(|file| match file.read() {
            Ok((_, stills)) => stills,
            Err(error) => Box::new(std::iter::once(Err(error))),
        })
    }
}

/// The files of a folder that may be recordings, in natural sort order; at least one.
fn list_folder(path: &Path) -> Result<Vec<RecordedFile>, RecordingError> {
    let error = |e| RecordingError::Open(path.to_owned(), e);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(error)? {
        let file = entry.map_err(error)?.path();
        if EXTENSIONS.iter().any(|extension| has_extension(&file, extension)) && file.is_file() {
            files.push(file);
        }
    }
    files.sort_by(|a, b| natural_sort::compare(&a.to_string_lossy(), &b.to_string_lossy()));
    if files.is_empty() {
        return Err(RecordingError::NoPictures(path.to_owned()));
    }
    Ok(files.into_iter().map(|path| RecordedFile { path: path.into(), memory: None }).collect())
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|has| has.eq_ignore_ascii_case(extension))
}

impl RecordedFile {
    /// The metadata that its extension implies.
    fn guess_metadata(&self) -> Metadata {
        let still = ["jpg", "jpeg", "png"].iter().any(|extension| has_extension(&self.path, extension));
        Metadata { rate_hz: None, pictures: still.then_some(1) }
    }

    fn open(&self) -> io::Result<Box<dyn Input>> {
        Ok(match &self.memory {
            Some(bytes) => Box::new(Cursor::new(bytes.clone())),
            None => Box::new(BufReader::with_capacity(256 << 10, File::open(&self.path)?)),
        })
    }

    /// Opens the file, detects its format and reads its metadata.
    fn read(&self) -> Result<(Metadata, Stills), RecordingError> {
        let path = &self.path;
        let open_error = |e| RecordingError::Open(path.to_path_buf(), e);
        let mut input = self.open().map_err(open_error)?;
        let start = input.fill_buf().map_err(open_error)?;
        let single = Metadata { rate_hz: None, pictures: Some(1) };
        if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"AVI ") {
            let avi = avi::Avi::new(path.clone(), input)?;
            Ok((Metadata { rate_hz: avi.rate_hz(), pictures: avi.pictures() }, Box::new(avi)))
        } else if start.starts_with(b"\x89PNG\r\n\x1a\n") {
            Ok((single, single_picture(path.clone(), PixelFormat::Png, input)))
        } else if start.starts_with(&jpeg_splitter::START) && ["jpg", "jpeg"].iter().any(|e| has_extension(path, e)) {
            // One picture, whatever follows it: phones append a second one with depth or brightness.
            Ok((single, single_picture(path.clone(), PixelFormat::Jpeg, input)))
        } else if jpeg_splitter::find_start(&start[..start.len().min(MAX_PREAMBLE_BYTES)]).is_some() {
            Ok((Metadata::default(), Box::new(mjpeg::Mjpeg::new(path.clone(), input))))
        } else {
            Err(RecordingError::UnknownFormat(path.to_path_buf()))
        }
    }
}

/// The picture of a file that is one picture.
fn single_picture(file: Arc<Path>, format: PixelFormat, input: impl Input + 'static) -> Stills {
    Box::new(std::iter::once_with(move || {
        let mut bytes = Vec::new();
        let start = FileOffset { file, offset: 0 };
        match input.take(MAX_PICTURE_BYTES + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > MAX_PICTURE_BYTES => Err(RecordingError::TooLarge(start)),
            Ok(_) => Ok(Still { format, bytes: bytes.into() }),
            Err(e) => Err(RecordingError::Read(start, e)),
        }
    }))
}

#[cfg(test)]
mod tests;
