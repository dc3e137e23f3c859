//! fovea: an eye that is never late.
//!
//! Follow one frame. A client's thread reads it from its socket into a buffer that goes round, or a camera's thread is lent it by the
//! driver ([`source`]), and
//! publishes it: lock, swap the pointer, set the event ([`slot`]). The processor's thread, alone on its core, waits for
//! the event, takes the pointer, clears the event, and looks ([`processor`]). What it saw goes once through the hub
//! into the outbox of each reader, whose own thread sends it ([`output`]). When the last handle of the frame is dropped,
//! its buffer goes back to where it came from. People and monitoring look on from the side ([`http`]): the newest frame
//! of each camera stands in a pane for them until the next one is looked at. Nothing downstream calls back up, nobody waits for anybody slower.
//!
//! ```text
//! source thread --Frame--> slot --Frame--> processor thread --result--> hub --> outboxes --> readers' threads
//! ```
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | camera | a named stream of frames (`door`, `yard`); the unit of configuration |
//! | source | what feeds a camera: a WebSocket client, a device that is plugged in |
//! | frame | one picture as received, immutable: camera, seq, format, size, `captured_at`, bytes |
//! | slot | the meeting point: one cell per camera, newest frame wins, one lock, one event |
//! | superseded | a frame replaced in its cell before the processor took it: counted, never hidden |
//! | refused | a frame that cannot be looked at: counted by cause, answered, told at most once a second |
//! | stage | one kind of looking: motion |
//! | result | what the stages say of one frame, with its age |
//! | event | something that starts, updates, ends, built from results |
//! | sender, reader | a client that sends a camera's frames, a client that reads results |
//! | pane | where the newest frame of a camera that was looked at stands, for viewers |
//! | viewer | who looks at pictures or events over HTTP |
//! | live, silent, lost | a camera that has results, that is fed but had none for ten seconds, that nothing feeds any more |
//! | outbox | what waits for one client: bounded, drops its oldest, says how many |
//!
//! # Modules
//!
//! Imports point one way: `frame <- slot <- {source, processor} <- daemon <- commands`, with `output` between `frame` and
//! those two, `status` beside `daemon`, and `system` below all. `http` looks at `output` and borrows the processor's
//! decoder; nothing but `daemon` names it. A source never names the processor; only `processor` names OpenCV's types.

pub mod camera;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod event;
pub mod frame;
pub mod http;
pub mod hub;
pub mod message;
pub mod output;
pub mod processor;
pub mod recording;
pub mod slot;
pub mod source;
pub mod stage;
pub mod status;
mod sync;
pub mod system;
pub mod telemetry;
pub mod wire;
