//! The people plane: what people and monitoring see, on a port and a thread of its own.
//!
//! It looks at what the data plane leaves for it (panes, counts, one outbox of the hub) and gives nothing back. Its
//! thread gives way to every other and may stall without the data plane noticing; should it ever end, so does the daemon,
//! to be started again: half of one is worse. Without `[http]` in the
//! configuration there is none of it.
//!
//! `server` accepts and bounds connections, `guard` says who may ask and what every answer carries. A request goes by
//! `routes` to one of `page` (what browsers show), `live` (pictures), `events`, `api`, `metrics` or `health`. `news` is
//! this plane's one place at the hub, `screens` have each camera's newest frame as a JPEG file, which `jpeg` makes where
//! the sender did not, when `encoder` says that it is its turn.

mod api;
mod drawing;
mod encoder;
mod events;
mod guard;
mod health;
mod jpeg;
mod live;
mod metrics;
mod news;
mod page;
mod routes;
mod screens;
mod server;
mod sights;

pub use server::{Port, Running};
pub use sights::{Sight, Sights};
