//! fovea: a camera server that always works on the newest frame.
//!
//! The path of one frame:
//!
//! 1. A client's thread reads it from its socket into a recycled buffer, or the driver lends it to a capture thread
//!    ([`source`]).
//! 2. That thread hands it to its camera's [`camera::Feed`], which publishes it: lock, swap the pointer, set the event
//!    ([`slot`]).
//! 3. The processor's thread, alone on its core, waits for the event, takes the pointer, clears the event, and runs the
//!    camera's stages on the frame ([`processor`], [`stage`]). If there are several processors, each has its own slot, and
//!    runs the stages that choose it.
//! 4. The result goes once through the [`hub`] into the queue of each subscriber. The subscriber's own thread delivers it:
//!    that of a WebSocket client, of an [`output`], or the [`http`] thread.
//! 5. When the last handle of the frame is dropped, its buffer goes back to its owner. The newest frame of each camera is
//!    kept for the page until the next one.
//!
//! Nothing downstream calls back up, and no thread waits for a slower one.
//!
//! ```text
//! source thread --Frame--> slot --Frame--> processor thread --Published--> hub --> queues --> subscribers' threads
//! ```
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | camera | a named stream of frames (`door`, `yard`); the unit of configuration |
//! | source | what feeds a camera: a WebSocket client, a device that is connected to this machine |
//! | frame | one picture as received, immutable: camera, seq, format, size, `captured_at`, bytes |
//! | slot | the meeting point of sources and one processor: one cell per camera, newest frame wins, one lock, one event |
//! | superseded | a frame replaced in its cell before the processor took it: counted, never hidden |
//! | refused | a frame that is not processed, such as a damaged one: counted by reason, answered, logged at most once a second |
//! | processor | a thread with its own core that takes frames and runs stages on them; most boards have one, `main` |
//! | branch | the way of a camera's frames to one processor; the first one's results are the camera's |
//! | stage | one analysis of frames: motion, tamper |
//! | detection | one thing that a stage found in one frame: label, box, score, track, text |
//! | track | a thing that a stage follows from frame to frame, with a number |
//! | mask | a part of a camera's picture that no stage, no viewer and no output gets to see; with labels, what a network finds, which stages do see |
//! | result | what the stages on one processor say of one frame, with its age |
//! | event | something that starts, goes on and ends, built from detections |
//! | hub | takes results and events and puts them into the queues of all subscribers |
//! | subscriber, queue | a receiver of messages, and the messages that wait for it: bounded, drops the oldest and counts them |
//! | output | a subscriber of this process with a thread of its own: the journal, the event log, a webhook |
//! | sender, reader | a WebSocket client that sends a camera's frames, one that reads results |
//! | viewer | a client that looks at pictures or events over HTTP |
//! | live, silent, lost | a camera that has results, that is fed but had none for ten seconds, that nothing feeds any more |
//!
//! # Modules
//!
//! Imports point one way, and no files import each other in a circle:
//!
//! ```text
//! frame <- {slot, message <- hub} <- camera <- {source, {stage, counting} <- processor} <- output <- http <- daemon <- commands
//! ```
//!
//! with [`telemetry`] and [`system`] below. A source names its camera's feed and, to serve readers on the same port, the hub; it
//! names neither the processor nor an output. A stage names no socket, no output and no other stage. Only [`stage`] and
//! [`processor`] name OpenCV's types, only `source/websocket` names WebSocket's, only `source/v4l2` names V4L2's.
//! `docs/architecture.md` says more, and how to add a stage, an output or a command.

pub mod access;
pub mod camera;
pub mod capacity;
pub mod commands;
pub mod config;
pub mod counting;
pub mod daemon;
pub mod event;
pub mod event_log;
pub mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod geometry;
pub mod http;
pub mod hub;
pub mod message;
pub mod model;
pub mod moving_mask;
pub mod output;
pub mod picture;
pub mod privacy_mask;
pub mod processor;
pub mod recording;
#[cfg(test)]
mod schema;
pub mod slot;
pub mod source;
pub mod stage;
pub mod status;
pub mod switches;
mod sync;
pub mod system;
pub mod telemetry;
pub mod tls;
pub mod tracking;
pub mod wire;
