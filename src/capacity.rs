//! What this machine can carry, as `fovea bench` measured it: how many cameras one processor keeps.
//!
//! `fovea bench --save` leaves it in a file of the daemon's state folder. The daemon reads that at its start and with
//! each reload, and never trusts it: it is for people, and no behaviour depends on it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};

use crate::system::{clock::to_the_microsecond, state};

/// The file in the state folder.
const FILE: &str = "capacity.json";

/// The largest file that is read; a real one has about a kilobyte.
const MAX_BYTES: u64 = 16 << 10;

/// The longest name in it.
const MAX_NAME_BYTES: usize = 64;

/// The most stages that it can name.
const MAX_STAGES: usize = 64;

/// How many cameras a processor of this machine keeps: 99 of 100 of their frames have a result in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capacity {
    /// The version of the program that measured it.
    pub version: String,
    /// Wall time of the measurement.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub measured_at: Timestamp,
    /// How long the measurement took.
    pub measured_for_s: f64,
    /// The processor whose results were measured.
    pub processor: String,
    /// Its core; absent if it had no core of its own and shared those of the other threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<usize>,
    /// Whether frames were received on that core, too, because the machine has no other.
    pub core_is_shared: bool,
    /// Daemons that ran on this machine meanwhile: the answer is what they left.
    pub daemons_beside: u32,
    /// The stages of the cameras.
    pub stages: Vec<String>,
    /// Width and height of the frames.
    pub size_px: [u32; 2],
    /// Bytes of a frame on average.
    pub frame_bytes: u64,
    /// Frames a second of each camera.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub fps: f64,
    /// How old a result may be when it leaves, so that it is in time.
    pub limit_ms: u32,
    /// The cameras that the processor keeps. 0 if it does not keep one at that rate.
    pub cameras: u32,
    /// The least number: all runs with so many cameras were kept, and all with fewer.
    pub cameras_low: u32,
    /// The largest number: with so many cameras at least one run was kept.
    pub cameras_high: u32,
    /// If `cameras` is 0: the frames a second of one camera that it does keep; 0 if no result is in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_fps: Option<f64>,
    /// What is exhausted first.
    pub limited_by: LimitedBy,
    /// How long the processor works on a frame.
    pub processor_ms: f64,
    /// Time of the other cores for receiving a frame and sending its result.
    pub receive_ms: f64,
    /// How old results are with these cameras; absent if no load is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<Ages>,
    /// What the lowest load does that is not kept: one camera more, or a higher rate of one camera. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_more: Option<OneMore>,
}

/// What keeps the machine from carrying more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The processor's core.
    Processor,
    /// The other cores, which receive frames, and which sent them in the measurement.
    OtherCores,
    /// Nothing that was found: more cameras were not tried.
    Unknown,
}

/// Ages of results of all runs with one load, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ages {
    /// Half of the results are at most this old.
    pub p50: f64,
    /// 99 of 100 results are at most this old.
    pub p99: f64,
    /// The lowest p99 of a run.
    pub p99_low: f64,
    /// The highest p99 of a run.
    pub p99_high: f64,
}

/// What becomes of all cameras with a load that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OneMore {
    /// With so many cameras.
    pub cameras: u32,
    /// Frames a second that each of them sends.
    pub fps: f64,
    /// Results a second that each of them has.
    pub results_fps: f64,
    /// Which part of the frames has a result in time, 0 to 1.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub in_time: f64,
    /// How old the results are; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<Ages>,
    /// The age p99 against that without the further camera: of all runs, and the lowest and the highest of two runs that
    /// followed each other. Absent if one of both is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ratio: Option<Interval>,
}

/// A number, and the range of it in single runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Interval {
    /// Of all runs.
    pub value: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

/// A capacity, and whether it is that of the daemon as it runs now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SavedCapacity"))]
pub struct SavedCapacity {
    /// Whether this version measured it, with the stages that the cameras have now.
    pub is_current: bool,
    /// What was measured.
    #[serde(flatten)]
    pub capacity: Capacity,
}

impl Capacity {
    /// What was saved for a daemon of this environment, if anything. A file that cannot be used is logged.
    #[must_use]
    pub fn load() -> Option<Self> {
        let file = state::folder()?.join(FILE);
        match Self::read(&file) {
            Ok(capacity) => Some(capacity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!("cannot use {}: {error}; `fovea bench --save` writes it anew", file.display());
                None
            }
        }
    }

    fn read(file: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
        }
        let capacity: Self = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        if capacity.is_sane() { Ok(capacity) } else { Err(io::Error::other("its values are out of range")) }
    }

    /// Whether the texts in it are short and the numbers possible.
    fn is_sane(&self) -> bool {
        let texts = || [&self.version, &self.processor].into_iter().chain(&self.stages);
        let rates = [self.fps, self.kept_fps.unwrap_or_default(), self.processor_ms, self.receive_ms];
        texts().all(|text| text.len() <= MAX_NAME_BYTES && text.chars().all(|c| c.is_ascii_graphic()))
            && self.stages.len() <= MAX_STAGES
            && rates.iter().all(|rate| (0.0..1e6).contains(rate))
            && self.cameras_low <= self.cameras
            && self.cameras <= self.cameras_high
    }

    /// With whether it holds for cameras that have these stages.
    #[must_use]
    pub fn compared(self, stages: &[&str]) -> SavedCapacity {
        let is_current = self.version == env!("CARGO_PKG_VERSION") && self.stages == stages;
        SavedCapacity { is_current, capacity: self }
    }

    /// Writes it where the daemon of this machine reads it.
    ///
    /// # Errors
    /// If the system does not let it be written.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        state::write_readable(file, &serde_json::to_string(self).expect("names and numbers"))
    }
}

/// Where the daemon of this machine reads it; the folder is there when this returns.
///
/// # Errors
/// If nothing can be written there.
pub fn writable_file() -> io::Result<Option<PathBuf>> {
    let Some(folder) = state::folder_of_daemon() else { return Ok(None) };
    state::make_writable(&folder)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
    Ok(Some(folder.join(FILE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity() -> Capacity {
        Capacity {
            version: env!("CARGO_PKG_VERSION").into(),
            measured_at: Timestamp::UNIX_EPOCH,
            measured_for_s: 50.0,
            processor: "main".into(),
            core: Some(3),
            core_is_shared: false,
            daemons_beside: 0,
            stages: vec!["motion".into()],
            size_px: [1280, 720],
            frame_bytes: 120_000,
            fps: 15.0,
            limit_ms: 50,
            cameras: 5,
            cameras_low: 5,
            cameras_high: 6,
            kept_fps: None,
            limited_by: LimitedBy::Processor,
            processor_ms: 9.0,
            receive_ms: 0.5,
            age_ms: None,
            one_more: None,
        }
    }

    #[test]
    fn what_is_saved_is_read() {
        let folder = std::env::temp_dir().join(format!("fovea-capacity-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(FILE);
        capacity().save(&file).unwrap();
        assert_eq!(Capacity::read(&file).unwrap(), capacity());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_nobody_measured_is_not_used() {
        assert!(capacity().is_sane());
        assert!(!Capacity { cameras: 7, ..capacity() }.is_sane(), "more than the largest number");
        assert!(!Capacity { fps: -1.0, ..capacity() }.is_sane());
        assert!(!Capacity { stages: vec!["x".repeat(65)], ..capacity() }.is_sane());
        assert!(!Capacity { processor: "a b".into(), ..capacity() }.is_sane());
    }

    #[test]
    fn it_holds_for_the_stages_that_were_measured() {
        assert!(capacity().compared(&["motion"]).is_current);
        assert!(!capacity().compared(&["motion", "tamper"]).is_current);
        assert!(!Capacity { version: "0.0.1".into(), ..capacity() }.compared(&["motion"]).is_current);
    }
}
