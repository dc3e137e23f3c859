//! The command line as clap reads it: the commands, their arguments, and the help for both.
//!
//! It depends on clap and on two kinds of values that are in files of their own, and on nothing else of the crate:
//! `deploy/pages` takes these files as they are, and makes the man pages and the shells' completions of them on a machine
//! that has no OpenCV.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    client::{HttpUrl, ServerUrl},
    send::Rate,
};

/// The configuration file that is meant when none is named.
const CONFIG_FILE: &str = "/etc/fovea/fovea.toml";

/// The exit codes, as `--help` lists them.
pub mod exit {
    /// Something failed.
    pub const FAILED: u8 = 1;
    /// The command line was wrong. clap exits with it.
    pub const USAGE: u8 = 2;
    /// The configuration is wrong: trying again is of no use. `sysexits.h` calls it `EX_CONFIG`.
    pub const CONFIG: u8 = 78;
}

/// An eye that is never late: frames in, what is seen in them out.
///
/// fovea takes frames from cameras over WebSocket, looks at the newest one of each, never at an old one, and sends
/// what it sees (motion, and where) to whoever listens.
#[derive(Debug, Parser)]
#[command(version, after_help = exit_codes(), max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn exit_codes() -> String {
    let (failed, usage, config) = (exit::FAILED, exit::USAGE, exit::CONFIG);
    format!(
        "Exit codes:\n  \
         {:>2}  all is well\n  \
         {failed:>2}  it failed; standard error says why\n  \
         {usage:>2}  the command line is wrong\n  \
         {config:>2}  the configuration is wrong; standard error says where",
        0
    )
}

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    ///
    /// Listens for cameras and readers, looks at the newest frame of each camera, and goes on until SIGTERM or SIGINT.
    Run(RunArgs),
    /// Check a configuration file and tell every mistake in it
    ///
    /// Reads the file as the daemon would and starts nothing. A good file is told in one line on standard output.
    /// Each mistake is a line on standard error: file, line and column, the key and its value, what is wrong and what
    /// would be right. Whether this machine has the core that the file asks for is looked at with --here; without it the file may be
    /// for another machine. A camera that is not plugged in is no mistake.
    #[command(after_help = "Example:\n  fovea check /etc/fovea/fovea.toml && sudo systemctl reload fovea")]
    Check {
        /// Look too whether this machine has the processor's core
        #[arg(long)]
        here: bool,

        /// The file to check
        #[arg(value_name = "FILE", default_value = CONFIG_FILE)]
        file: PathBuf,
    },
    /// Tell how a running daemon is doing, camera by camera
    ///
    /// Asks at the daemon's HTTP port, so its configuration must have the table http. The exit code is for scripts: 0 if every
    /// camera is live.
    Status(StatusArgs),
    /// List the cameras that are plugged into this machine
    ///
    /// For each its names, formats with sizes and rates, controls with the values that they take, and a block for the
    /// configuration.
    Devices {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Look whether this machine is set up as fovea is best off
    ///
    /// The service, its watchdog, the clock, the processor's core: a line for each, which begins with good, hint (it
    /// works, and could be better) or bad (act). It changes nothing. As root it sees more.
    #[command(after_help = "The exit code is 1 if something is bad.")]
    Doctor {
        /// The configuration file that the daemon reads
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// Keep programs and interrupts off the processor's core
    ///
    /// Every slice of systemd but fovea's own may use only the other cores from now on, until the next boot; interrupts
    /// go there, as far as the hardware lets them. What `systemctl enable --now fovea-core` does, now and at every boot. It
    /// takes root.
    #[command(after_help = "`fovea doctor` tells what still runs there.")]
    Dedicate {
        /// Let everything run everywhere again
        #[arg(long)]
        undo: bool,

        /// The configuration file that says which core is the processor's
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// Send recorded frames to a camera
    Send(SendArgs),
    /// Watch what the cameras see, live
    Watch(WatchArgs),
    /// See it work: a daemon, a camera that plays a recording to it, and what it sees
    ///
    /// Everything is real but the camera: the daemon listens on a port of this machine that nobody else has, and the
    /// recorded frames come to it over a WebSocket connection as a camera's would.
    Demo(DemoArgs),
}

/// Which configuration to run.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  fovea run --config fovea.toml")]
pub struct RunArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    pub(super) config: PathBuf,
}

/// Which daemon to ask, and for whom.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea status                                    the daemon of this machine
  fovea status http://board                       another one
  fovea status --json | jq -r '.cameras[] | select(.state != \"live\").camera'

Of each camera there is: its state and since when, results a second and their ages when they left (median, 95th and 99th \
percentile), both of the last five to ten seconds; the frames that newer ones superseded and those refused, since the start; and what went \
wrong last. A camera is live if something feeds it and it had a result in the last ten seconds. If not all are, the \
exit code is 1, as it is when nobody answers.")]
pub struct StatusArgs {
    /// The daemon's HTTP port
    #[arg(
        help = "The daemon's HTTP port: http://HOST[:PORT]. The port is 8080 unless given. Without a URL it is the \
                  one that the configuration says"
    )]
    pub(super) url: Option<HttpUrl>,

    /// The configuration file that says where to ask
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    pub(super) config: PathBuf,

    /// Print what the daemon answers, one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// What to send, where to, and how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea send ws://board walk.avi                          at the rate in the file
  fovea send ws://board/frames/door pictures/ --rate 5    a folder, five a second
  fovea send ws://board night.mjpeg --pace taken          every frame, as fast as they are looked at
  fovea send ws://board walk.avi --loop --results | jq .detections

Progress, warnings and the summary go to standard error, results to standard output. \
Ctrl-C ends it cleanly. The exit code is 1 when the server ends the connection.")]
pub struct SendArgs {
    /// Server and camera
    #[arg(help = "Server and camera: ws://HOST[:PORT]/frames/CAMERA, or without a path for a server's only camera. \
                  The port is 8999 unless given")]
    pub(super) url: ServerUrl,

    /// JPEG and PNG files, MJPEG files, AVI files with MJPEG video, and folders of these
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,

    /// Frames a second [default: the recording's own, or else 10]
    #[arg(long, value_name = "HZ")]
    pub(super) rate: Option<Rate>,

    /// Begin again at the end, until stopped
    #[arg(long = "loop")]
    pub(super) repeat: bool,

    /// What a frame waits for
    #[arg(long, value_enum, default_value_t)]
    pub(super) pace: Pace,

    /// Print results and events, one JSON object a line
    #[arg(long)]
    pub(super) results: bool,
}

/// What a frame waits for before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    /// Its time. The server keeps the newest frame and supersedes what it had no time for
    #[default]
    Rate,
    /// The processor taking the frame before: every frame is looked at. With --rate, its time too
    Taken,
}

/// Where to watch, and how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea watch ws://board                          all cameras
  fovea watch ws://board/results/door             one
  fovea watch ws://board --json | jq -c 'select(.type == \"event\")'

On a terminal there is a line for each camera, kept up to date: frames a second, the age of results as they left the \
server (median and 99th percentile of the last 5 s), frames superseded a second, pictures refused, and the detections \
of the last result by label. Events are told above as they start and end. Elsewhere each camera has its line once a \
second.

Ctrl-C ends it. The exit code is 1 when the server ends the connection.")]
pub struct WatchArgs {
    /// Server, and camera if only one is wanted
    #[arg(help = "Server, and camera if only one is wanted: ws://HOST[:PORT][/results/CAMERA]. \
                  The port is 8999 unless given")]
    pub(super) url: ServerUrl,

    /// Print the messages as they come, one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// What to play, and for how long.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea demo                       pedestrians, from a recording that is built in
  fovea demo my-garden.avi         an own recording: MJPEG in AVI, MJPEG, JPEG files or a folder

While it runs, other programs can watch too: the first lines say how. Ctrl-C ends it.")]
pub struct DemoArgs {
    /// Recordings to play instead of the built-in one
    pub(super) paths: Vec<PathBuf>,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u32>,
}
