//! `fovea model`: checks and tries networks of the user's own.

pub(super) mod health;
mod report;
mod try_picture;

use std::path::{Path, PathBuf};

use super::{Failure, ManifestArgs, ModelCommand};
use crate::{
    config::{Config, LoadError},
    model::{
        detector::{Detector, DetectorError, Opened},
        file::{FileError, ModelFile},
        manifest::Manifest,
        worker::{self, WorkerError},
    },
};

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The configuration has no such table.
    #[error("there is no table [model.{name}] in {config}; {}", known(.names))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where.
        config: PathBuf,
        /// What there is.
        names: Vec<String>,
    },
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is in it.
    #[error("cannot use the model {path}")]
    Model {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: DetectorError,
    },
    /// It works for fovea.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// No file, and no table that has one.
    #[error("say which file has the network: fovea model try FILE PICTURE, or --model NAME")]
    NoFile,
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "it has none".to_owned() } else { format!("it has: {}", names.join(", ")) }
}

/// Does what the command says.
///
/// # Errors
/// If the network cannot be used, with what to do; if the configuration is invalid.
pub fn run(command: &ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Check { file, manifest } => {
            let has_manifest = manifest.model.is_some() || manifest.manifest.is_some();
            let (file, opened) = open(load(file.as_deref(), manifest)?)?;
            report::print(&file, &opened, !has_manifest)
        }
        ModelCommand::Try { files, output, threshold, manifest } => {
            let (file, picture) = match files.as_slice() {
                [file, picture] => (Some(file.as_path()), picture),
                [picture] if manifest.model.is_some() || manifest.manifest.is_some() => (None, picture),
                _ => return Err(ModelError::NoFile.into()),
            };
            let mut manifest = load(file, manifest)?;
            if let Some(threshold) = threshold {
                manifest.thresholds.default = *threshold;
                manifest.thresholds.by_class.clear();
            }
            try_picture::run(picture, output.as_deref(), manifest)
        }
        ModelCommand::Worker => Ok(worker::run().map_err(ModelError::from)?),
    }
}

/// The manifest of the arguments, of this file if it is given.
fn load(file: Option<&Path>, args: &ManifestArgs) -> Result<Manifest, Failure> {
    let named = || args.manifest.as_deref().map(Config::load_manifest);
    let mut manifest = match (&args.model, file) {
        (Some(name), _) => of_config(name, &args.config)?,
        (None, file) => match (named(), file) {
            (Some(manifest), _) => manifest.map_err(Failure::of_config)?,
            (None, Some(file)) => Manifest::of_file(file.to_owned()),
            (None, None) => return Err(ModelError::NoFile.into()),
        },
    };
    if let Some(file) = file {
        file.clone_into(&mut manifest.file);
    }
    Ok(manifest)
}

fn of_config(name: &str, config: &Path) -> Result<Manifest, Failure> {
    let mut loaded = match Config::load_readable(config) {
        Ok((config, _)) => config,
        Err(error @ LoadError::Missing(_)) => return Err(error.into()),
        Err(error) => return Err(Failure::of_config(error)),
    };
    loaded.models.remove(name).ok_or_else(|| {
        let names = loaded.models.into_keys().collect();
        ModelError::Unknown { name: name.to_owned(), config: config.to_owned(), names }.into()
    })
}

fn open(manifest: Manifest) -> Result<(ModelFile, Opened), ModelError> {
    let file = ModelFile::read(&manifest.file, manifest.sha256)?;
    match Detector::open_file(manifest, &file) {
        Ok(opened) => Ok((file, opened)),
        Err(source) => Err(ModelError::Model { path: file.path, source }),
    }
}
