//! `fovea demo`: a daemon on loopback, a camera that plays a recording to it over a real connection, and what is seen.

use std::{
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use log::LevelFilter;

use super::{
    DemoArgs, Failure, Pace,
    client::{Client, ServerUrl},
    say,
    send::{self, Plan},
    signals::Signals,
    watch,
};
use crate::{
    config::Config,
    daemon::Daemon,
    recording::Recording,
    system::{event_fd::EventFd, logging, notify::SystemdEnv, thread::Thread},
    wire::SUBPROTOCOL,
};

/// Ten seconds of a street, 640x480: `tests/data/README.md` says whose.
const CLIP: Bytes = Bytes::from_static(include_bytes!("../../tests/data/vtest.avi"));

/// The demo's configuration: everything else is as built in.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
[http]
listen = "127.0.0.1:0"
[[camera]]
name = "street"
[camera.motion]
"#;

/// How long the playing camera may take to leave.
const SENDER_ENDS: Duration = Duration::from_secs(1);

/// Plays the recording over and over, and shows what the daemon sees in it, until stopped.
///
/// # Errors
/// When the recording, the daemon or the view of it fails.
pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let recording = match args.paths.as_slice() {
        [] => Recording::from_bytes("the built-in recording", CLIP)?,
        paths => Recording::open(paths)?,
    };
    let config = Config::parse("the demo's configuration", CONFIG).map_err(Failure::of_config)?;
    logging::start(LevelFilter::Warn)?;
    let signals = Signals::to_end()?;
    let until = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));

    let daemon = Daemon::start(config, SystemdEnv::default())?;
    let address = daemon.address();
    say(format_args!("A camera sends {} to ws://{address}/frames/street", about(&recording)))?;
    say(format_args!("To watch from elsewhere: fovea watch ws://{address}"))?;
    if let Some(address) = daemon.http_address() {
        say(format_args!("To see it: http://{address}"))?;
    }
    let frames: ServerUrl = format!("ws://{address}/frames/street").parse()?;
    let results: ServerUrl = format!("ws://{address}/results").parse()?;

    // Watching begins first: nothing is missed.
    let watcher = Client::connect(&results, None)?;
    let stop = Arc::new(EventFd::new()?);
    let camera = play(recording, &frames, stop.clone())?;
    let watched = watch::show(watcher, false, &signals, until);
    stop.set();
    camera.join_until(Instant::now() + SENDER_ENDS)?;
    daemon.stop()?;
    Ok(watched?)
}

/// Starts a camera that plays the recording over and over.
fn play(recording: Recording, url: &ServerUrl, stop: Arc<EventFd>) -> Result<Thread, Failure> {
    let client = Client::connect(url, Some(SUBPROTOCOL))?;
    let plan = Plan { rate: None, pace: Pace::Rate, repeat: true, results: false };
    let ended = Arc::new(EventFd::new()?);
    let thread = Thread::spawn("camera", ended, move || {
        let (_, sent) = send::send(client, &recording, &plan, stop.as_fd(), &mut |_, _| Ok(()));
        if let Err(error) = sent {
            log::error!("the camera fails: {error}");
        }
    })?;
    Ok(thread)
}

/// A recording in words: `100 pictures, 10 a second,`.
fn about(recording: &Recording) -> String {
    let pictures = recording.len_hint().map_or_else(|| "pictures".into(), |count| format!("{count} pictures"));
    let rate = recording.rate_hz().map_or_else(String::new, |rate| format!(", {rate} a second,"));
    format!("{pictures}{rate} over and over")
}
