//! The people plane: pictures, events, the API and metrics over HTTP, on a port and a thread of its own.
//!
//! It reads what the data plane leaves for it (latest frames, metrics, one subscription of the hub) and gives nothing back.
//! Its thread has the lowest priority and may stall without the data plane noticing. If the thread ends, the daemon ends and
//! systemd restarts it: half a daemon is worse. Without `[http]` in the configuration none of this runs.
//!
//! `server` accepts connections, `connections` bounds them; `security` checks the host of each request and adds headers to
//! each response; `access` asks whether the client may, and `login` gives browsers a cookie for a token. `routes` passes a
//! request to `page` (what browsers show), `live` (pictures), `event_stream`, `event_list`, `control` (what changes something),
//! `api`, `metrics` or `health`, which share the state in `app`. `event_bus` fans messages of the hub out to viewers. `jpeg_cache` holds each
//! camera's newest frame as a JPEG file; where the sender sent something else, it is encoded once `encoder` gives the permit.

mod access;
mod api;
mod app;
mod body;
mod camera_view;
mod connections;
mod control;
mod encoder;
mod event_bus;
mod event_list;
mod event_stream;
mod health;
mod jpeg_cache;
mod live;
mod login;
mod metrics;
#[cfg(test)]
mod openapi;
mod page;
mod routes;
mod security;
mod server;
mod session_cookie;

pub use camera_view::CameraView;
pub use server::{Inputs, Listener, Server};
