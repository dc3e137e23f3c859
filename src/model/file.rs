//! A network's file: its bytes within bounds, its hash, and what it says of itself.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use super::onnx::{MAX_FILE_BYTES, OnnxError, Survey, survey};

/// A file that may be given to an engine.
#[derive(Debug)]
pub struct ModelFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// What it says of itself.
    pub survey: Survey,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the model {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no file with bytes.
    #[error("the model {0} is not a file")]
    NoFile(PathBuf),
    /// More than any board runs.
    #[error("the model {path} is larger than {} MiB, and fovea does not open such files", MAX_FILE_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A pointer that was left in place of the file.
    #[error("{0} is a pointer of Git LFS and not the model itself: download the file that it stands for")]
    Pointer(PathBuf),
    /// Not the file that was meant.
    #[error(
        "the model {path} is another file: its SHA-256 is {found}, and the configuration says {wanted}; get the file that was \
         meant, or write its SHA-256 if it was replaced on purpose"
    )]
    Sha256 {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The one of the manifest.
        wanted: String,
    },
    /// What is in it.
    #[error("cannot use the model {path}")]
    Onnx {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: OnnxError,
    },
}

impl ModelFile {
    /// Reads a file; with a hash, only the file that has it.
    ///
    /// # Errors
    /// If it cannot be read, is too large, is another one, or is no network for pictures.
    pub fn read(path: &Path, wanted: Option<[u8; 32]>) -> Result<Self, FileError> {
        let path = path.to_owned();
        let bytes = match read_bounded(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(FileError::NoFile(path)),
            Err(source) => return Err(FileError::Unreadable { path, source }),
        };
        if bytes.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLarge { path });
        }
        if bytes.starts_with(b"version https://git-lfs") {
            return Err(FileError::Pointer(path));
        }
        let sha256 = sha256(&bytes);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != sha256) {
            let [found, wanted] = [sha256, wanted].map(|hash| HEXLOWER.encode(&hash));
            return Err(FileError::Sha256 { path, found, wanted });
        }
        match survey(&bytes) {
            Ok(survey) => Ok(Self { path, bytes, sha256, survey }),
            Err(source) => Err(FileError::Onnx { path, source }),
        }
    }

    /// Its SHA-256 in hexadecimal digits.
    #[must_use]
    pub fn sha256_text(&self) -> String {
        HEXLOWER.encode(&self.sha256)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The bytes of a file, and one more than may be if there are too many. `None` if it is no regular file: a pipe might never end.
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let is_file = |metadata: &std::fs::Metadata| metadata.is_file();
    if !is_file(&path.metadata()?) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
