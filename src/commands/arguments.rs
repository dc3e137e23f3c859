//! The command line as clap reads it: the commands, their arguments, and the help for both.
//!
//! It depends on clap and on two kinds of values that are in files of their own, and on nothing else of the crate:
//! `deploy/pages` takes these files as they are, and makes the man pages and the shells' completions of them on a machine
//! that has no OpenCV.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    client::{HttpUrl, ServerUrl},
    send::{PictureSize, Rate},
};
use crate::tls::fingerprint::Fingerprint;

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

/// A camera server that always works on the newest frame.
///
/// fovea receives frames from cameras over WebSocket and from cameras that are plugged in. It processes the newest frame
/// of each camera, and sends what it finds, such as motion and its place, to every client that reads results.
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
    /// Listens for cameras and readers, processes the newest frame of each camera, and runs until SIGTERM or SIGINT.
    Run(RunArgs),
    /// Check a configuration file and report every mistake in it
    ///
    /// Reads the file as the daemon does and starts nothing. A good file gives one line on standard output. Each
    /// mistake is a line on standard error: file, line and column, the key and its value, and what to write. Without
    /// --here the file may be for another machine. A camera that is not plugged in is not a mistake.
    #[command(after_help = "Example:\n  fovea check /etc/fovea/fovea.toml && sudo systemctl reload fovea")]
    Check {
        /// Also check that this machine has the processor's core and the files that webhooks and MQTT need, and that each model
        /// opens and runs here
        #[arg(long)]
        here: bool,

        /// The file to check
        #[arg(value_name = "FILE", default_value = CONFIG_FILE)]
        file: PathBuf,
    },
    /// Show the state of a running daemon and of each camera
    ///
    /// It asks the daemon's HTTP port, so the daemon's configuration must have the table http. For scripts, the exit
    /// code is 0 if every camera is live.
    Status(StatusArgs),
    /// List the cameras that are plugged into this machine
    ///
    /// Shows for each its names, its formats with sizes and rates, its controls with the values that they accept, and a
    /// block for the configuration.
    Devices {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check how this machine is set up for fovea
    ///
    /// Checks the service, its watchdog, the cameras, the models, the processor's core, the clock and the power supply.
    /// Each line begins with good, hint (it works, but could be better) or bad (you must act). It changes nothing. As
    /// root it finds more.
    #[command(after_help = "The exit code is 1 if something is bad.")]
    Doctor {
        /// The configuration file that the daemon reads
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// Keep programs and interrupts off the processor's core
    ///
    /// Until the next boot, every slice of systemd except fovea's own uses only the other cores. Interrupts go there as
    /// far as the hardware allows. `systemctl enable --now fovea-core` does this now and at every boot. It needs root.
    #[command(after_help = "`fovea doctor` lists what still runs on the core.")]
    Dedicate {
        /// Let programs and interrupts use every core again
        #[arg(long)]
        undo: bool,

        /// The configuration file that says which core is the processor's
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// Make, list and revoke tokens: who may send frames, and who may watch
    ///
    /// A token is a secret that a client states. The board keeps its hash in the file tokens, beside the configuration. While
    /// that file exists, every client needs a token.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token {
        /// What to do with tokens
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Check and try networks of your own: ONNX files that say what is in a picture
    ///
    /// A table [model.NAME] in the configuration says how a network is used. Most keys have defaults that fit to what is in
    /// the file.
    #[command(after_help = MODEL_EXAMPLES)]
    Model {
        /// What to do with a network
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Send frames to a camera: recorded ones, or those of a program, a pipe or an HTTP camera
    Send(SendArgs),
    /// Show results and events of the cameras, live
    Watch(WatchArgs),
    /// Measure how many cameras this machine keeps
    ///
    /// Runs a daemon of its own on a free port of this machine, and cameras that send it frames over WebSocket connections at
    /// their rate. It searches the number of cameras for which 99 of 100 frames have a result in time, measures around it
    /// several times, and says what one camera more does. It takes less than a minute.
    Bench(BenchArgs),
    /// Run a demo: a daemon, a camera that sends it a recording, and the results
    ///
    /// Only the camera is not real. The daemon listens on a free port of this machine, and the recorded frames arrive
    /// over a WebSocket connection, as those of a camera do.
    Demo(DemoArgs),
}

const TOKEN_EXAMPLES: &str = "\
Examples:
  sudo fovea token add door-cam --role send --camera door    prints the token once
  sudo fovea token add phone --role view
  sudo fovea token list
  sudo fovea token revoke phone
  sudo systemctl reload fovea                                applies it; connections of revoked tokens end";

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it once
    ///
    /// The token is the only line on standard output. It cannot be shown again: the board keeps its hash.
    #[command(after_help = TOKEN_EXAMPLES)]
    Add {
        /// A name for it: 1 to 32 of a-z, 0-9, - and _
        name: String,

        /// What it allows; more than one is possible
        #[arg(long, value_enum, required = true, value_name = "ROLE")]
        role: Vec<TokenRole>,

        /// The camera for which it holds; more than one is possible [default: all]
        #[arg(long, value_name = "CAMERA")]
        camera: Vec<String>,

        /// The configuration file that the daemon reads
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// List the tokens: names, roles, cameras, and when they were made
    List {
        /// The configuration file that the daemon reads
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
    /// Revoke a token
    Revoke {
        /// Its name
        name: String,

        /// The configuration file that the daemon reads
        #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
        config: PathBuf,
    },
}

const MODEL_EXAMPLES: &str = "\
Examples:
  fovea model check FastestDet.onnx                 is it good, how fast is it, and what to write into the configuration
  fovea model try FastestDet.onnx street.jpg        writes street-boxes.jpg
  fovea model try --model people street.jpg         with the table [model.people] of the configuration";

/// What to do with a network.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Open a network, run it on a grey picture, and print what it is
    ///
    /// Prints its inputs and outputs, which decoder reads them, how long a run takes and how much memory it needs, and a
    /// table for the configuration. A file that is damaged, too large, too slow or of another kind is refused with the
    /// reason. The file may come from a stranger: it is opened in a process of its own with little memory and no access to
    /// files.
    Check {
        /// The ONNX file [default: that of --model or --manifest]
        #[arg(value_name = "FILE", required_unless_present_any = ["model", "manifest"])]
        file: Option<PathBuf>,

        /// How it is used
        #[command(flatten)]
        manifest: ManifestArgs,
    },
    /// Show what a network finds in a picture
    ///
    /// Prints a line for each thing: its class, score and box. Writes the picture with the boxes.
    Try {
        /// The ONNX file [default: that of --model or --manifest], and the picture
        #[arg(
            value_names = ["FILE", "PICTURE"],
            num_args = 1..=2,
            required = true,
            help = "The ONNX file, and the picture: JPEG or PNG. With --model or --manifest the picture is enough"
        )]
        files: Vec<PathBuf>,

        /// Where to write the picture with boxes, JPEG or PNG by its ending [default: PICTURE-boxes.jpg, in this folder]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Show things with this score or more, 0 to 1 [default: the thresholds of the table, or 0.5]
        #[arg(long, value_name = "SCORE")]
        threshold: Option<f32>,

        /// How it is used
        #[command(flatten)]
        manifest: ManifestArgs,
    },
    /// Run a network for fovea, which starts this command itself
    #[command(hide = true)]
    Worker,
}

/// How a network is used.
///
/// Without these, as its decoder's networks usually are.
#[derive(Debug, Default, Args)]
pub struct ManifestArgs {
    /// Use it as the table [model.NAME] of the configuration says
    #[arg(long, value_name = "NAME", conflicts_with = "manifest")]
    pub(super) model: Option<String>,

    /// Use it as this file says, which has the keys of such a table
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,

    /// The configuration file with the table of --model
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    pub(super) config: PathBuf,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Send frames, and read the results of these
    Send,
    /// See pictures, results, events and counters
    View,
    /// Change what the board does while it runs, and view
    Control,
    /// Everything
    Admin,
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
  fovea status http://board                       the daemon of another machine
  fovea status --json | jq -r '.cameras[] | select(.state != \"live\").camera'

For each camera it shows the state and since when; results a second and their ages when they left (median, 95th and 99th \
percentile), both over the last five to ten seconds; frames superseded and refused since the start; and the last error. \
A camera is live if a source feeds it and it had a result in the last ten seconds. If not all cameras are live, or the \
daemon does not answer, the exit code is 1.")]
pub struct StatusArgs {
    /// The daemon's HTTP port
    #[arg(help = "The daemon's HTTP port: http://HOST[:PORT]. The default port is 8080. Without a URL it asks the \
                  address in the configuration")]
    pub(super) url: Option<HttpUrl>,

    /// The configuration file with that address
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    pub(super) config: PathBuf,

    /// Print the daemon's answer, one JSON object
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) token: TokenArgs,

    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// The token that the server wants.
///
/// Without these it is the one in the environment variable FOVEA_TOKEN, or after ?token= in the URL; for a server on this
/// machine, root and members of the group fovea need none.
#[derive(Clone, Debug, Default, Args)]
pub struct TokenArgs {
    /// A file with the server's token [default: FOVEA_TOKEN in the environment]
    #[arg(
        long,
        value_name = "FILE",
        help = "A file with the server's token [default: FOVEA_TOKEN in the environment. For a server on this machine, root \
                and members of the group fovea need no token]"
    )]
    pub(super) token_file: Option<PathBuf>,

    /// The server's token
    ///
    /// Other users of this machine can see it in the list of processes. They cannot see it in a file or in FOVEA_TOKEN.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    pub(super) token: Option<String>,
}

/// Which servers are trusted over TLS.
///
/// Without these it is those that the system's authorities stand for.
#[derive(Clone, Debug, Default, Args)]
pub struct TrustArgs {
    /// Certificates to trust over TLS (PEM): an authority's, or the server's own [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,

    /// Trust the board whose certificate has this SHA-256 fingerprint
    ///
    /// The board's log and `fovea status` on the board show it.
    #[arg(long, value_name = "SHA256")]
    pub(super) fingerprint: Option<Fingerprint>,

    /// Trust any certificate: then fovea does not check which server answers
    #[arg(long, conflicts_with_all = ["ca", "fingerprint"])]
    pub(super) insecure: bool,
}

/// What to send, where to, and how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea send ws://board walk.avi                          at the rate in the file
  fovea send ws://board/frames/door pictures/ --rate 5    a folder, five a second
  fovea send ws://board night.mjpeg --pace taken          every frame, as fast as the processor takes them
  fovea send ws://board walk.avi --loop --results | jq .detections
  fovea send ws://board http://camera/stream              MJPEG over HTTP, until stopped
  ffmpeg -re -i walk.mp4 -f mjpeg - | fovea send ws://board -
  ffmpeg -i walk.mp4 -f rawvideo -pix_fmt yuv420p - | fovea send ws://board - --format i420 --size 1280x720

fovea reads a live source all the time. It sends the newest picture when the server has processed the last one, and \
replaces one that still waits there. So a picture is new when it is processed, however fast the source is. If the server \
or an HTTP source is away, fovea tries again until it answers. The command ends when the input ends.

Progress, warnings and the summary go to standard error, results to standard output. Ctrl-C ends it cleanly. The exit code \
is 1 if the server ends the connection for good, for example because another sender takes the camera.")]
pub struct SendArgs {
    /// Server and camera
    #[arg(help = "Server and camera: ws://HOST[:PORT]/frames/CAMERA, or without a path for a server's only camera. \
                  The default port is 8999")]
    pub(super) url: ServerUrl,

    /// Recordings, or one live source
    #[arg(
        required = true,
        value_name = "SOURCE",
        help = "Recordings: JPEG and PNG files, MJPEG files, AVI files with MJPEG video, and folders of these. Or one live \
                source: - for standard input, a named pipe, a file that grows (with --follow), or a URL with http:// or \
                https:// of an MJPEG stream or of a picture"
    )]
    pub(super) sources: Vec<PathBuf>,

    /// Frames a second [default: the recording's own, or else 10]
    #[arg(
        long,
        value_name = "HZ",
        help = "Frames a second [default: the recording's own, or else 10]. For a live source, the limit of frames a \
                second [default: none]. For the URL of a picture, requests a second [default: 10]"
    )]
    pub(super) rate: Option<Rate>,

    /// Start again at the end, until you stop it
    #[arg(long = "loop")]
    pub(super) repeat: bool,

    /// What a frame waits for [default: rate; newest for a live source]
    #[arg(long, value_enum)]
    pub(super) pace: Option<Pace>,

    /// Read a file that grows: its newest picture, and then each that is appended
    #[arg(long)]
    pub(super) follow: bool,

    /// Continue when a live source ends, and when the server refuses
    ///
    /// A named pipe then waits for its next writer. Without --retry the command ends at the end of the input, if the
    /// server does not know the camera, or if another sender takes the camera.
    #[arg(long)]
    pub(super) retry: bool,

    /// The pixel format of a live source with raw pictures
    #[arg(long, value_enum, requires = "size")]
    pub(super) format: Option<RawFormat>,

    /// The size of raw pictures
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "format")]
    pub(super) size: Option<PictureSize>,

    /// A file with a line USER:PASSWORD for an HTTP source
    ///
    /// The login can also be in the environment variable FOVEA_LOGIN, or in the URL before the host:
    /// http://USER:PASSWORD@HOST. Other users of this machine can read it in the URL.
    #[arg(long, value_name = "FILE")]
    pub(super) login: Option<PathBuf>,

    /// Print results and events, one JSON object a line
    #[arg(long)]
    pub(super) results: bool,

    #[command(flatten)]
    pub(super) trust: TrustArgs,

    #[command(flatten)]
    pub(super) token: TokenArgs,
}

/// What a frame waits for before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    /// Its time. The server keeps the newest frame, and supersedes those that it has no time for
    Rate,
    /// The processor: it must have taken the frame before, so none is superseded. With --rate, also its time
    Taken,
    /// The result of the frame before. A frame that still waits for the processor is replaced by a newer one
    Newest,
}

/// The pixel format of raw pictures, without padding between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RawFormat {
    /// Planes of Y, U and V; those of U and V have half the size (ffmpeg: yuv420p)
    I420,
    /// A plane of Y and a plane of U and V pairs
    Nv12,
    /// Y U Y V for two pixels (ffmpeg: yuyv422)
    Yuyv,
    /// Luma (ffmpeg: gray)
    Grey,
    /// Blue, green, red
    Bgr24,
    /// Red, green, blue
    Rgb24,
}

/// Where to watch, and how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea watch ws://board                          all cameras
  fovea watch ws://board/results/door             one camera
  fovea watch ws://board --json | jq -c 'select(.type == \"event\")'

On a terminal it shows one line for each camera and updates it: frames a second, the age of results when they left the \
server (median and 99th percentile of the last 5 s), frames superseded a second, pictures refused, and the detections \
of the last result by label. Events appear above as they start and end. If the output is not a terminal, it prints a \
line for each camera once a second.

Ctrl-C ends it. The exit code is 1 when the server ends the connection.")]
pub struct WatchArgs {
    /// Server, and a camera to watch only that one
    #[arg(help = "Server, and a camera to watch only that one: ws://HOST[:PORT][/results/CAMERA]. \
                  The default port is 8999")]
    pub(super) url: ServerUrl,

    /// Print the messages as they arrive, one JSON object a line
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) token: TokenArgs,

    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// What to measure, and with which frames.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea bench                                      the stages of /etc/fovea/fovea.toml, or else motion
  fovea bench --stages motion,tamper --size 1920x1080 --fps 10
  fovea bench --frames pictures/ --limit-ms 100    your own frames
  sudo fovea bench --save                          the page shows the answer after systemctl reload fovea
  sudo systemd-run --slice=fovea.slice --pty fovea bench
                                                   on the core that fovea-core.service keeps for fovea

Each camera sends its frames at its rate. A result is in time if its frame is no older than the limit when the result \
leaves the processor. Ranges are from the lowest to the highest of several runs. The measurement keeps the processor's core \
and the other cores busy: a daemon that runs on this machine is slower meanwhile, and the answer is what it leaves.")]
pub struct BenchArgs {
    /// The configuration with the cameras' stages and the processor's core [default: /etc/fovea/fovea.toml, if it is there]
    ///
    /// The cameras have the stages, zones and masks of those in the configuration, by turns. Its ports, webhooks and MQTT are
    /// not used.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// The cameras' stages, with their defaults, instead of those in the configuration
    #[arg(long, value_name = "STAGE,...", value_delimiter = ',')]
    pub(super) stages: Vec<String>,

    /// The size of the built-in frames
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", conflicts_with = "frames")]
    pub(super) size: PictureSize,

    /// Frames a second of each camera
    #[arg(long, value_name = "HZ", default_value = "15")]
    pub(super) fps: Rate,

    /// How old a result may be, so that it is in time
    #[arg(long, value_name = "MS", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(super) limit_ms: u32,

    /// Frames to send instead of the built-in ones: JPEG and PNG files, MJPEG and AVI files, and folders of these
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) frames: Vec<PathBuf>,

    /// How long it may take
    #[arg(long, value_name = "SECONDS", default_value = "50", value_parser = clap::value_parser!(u32).range(10..=3600))]
    pub(super) seconds: u32,

    /// Print it as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Keep the answer for the daemon, whose page shows it beside the load
    #[arg(long)]
    pub(super) save: bool,
}

/// What to play, and for how long.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fovea demo                       pedestrians, from a recording that is built in
  fovea demo my-garden.avi         your own recording: MJPEG in AVI, MJPEG, JPEG files or a folder

While the demo runs, other programs can watch too; its first lines say how. Ctrl-C ends it.")]
pub struct DemoArgs {
    /// Recordings to play instead of the built-in one
    pub(super) paths: Vec<PathBuf>,

    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u32>,
}
